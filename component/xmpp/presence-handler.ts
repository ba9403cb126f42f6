import xml, { type Element } from '@xmpp/xml';
import type { ContactLocal } from '../directory/directory.ts';
import type { BareJid } from '../subscription/subscription-store.ts';
import { StanzaError } from './stanza-error.ts';
import type { Inbound } from './stanza-router.ts';

/** What presence stanzas to contacts ask for. */
export interface ContactSubscriptions {
  subscribe(contact: ContactLocal, watcher: BareJid): Promise<void>;
  unsubscribe(contact: ContactLocal, watcher: BareJid): Promise<void>;
  probe(contact: ContactLocal, watcher: BareJid, client: string): Promise<void>;
}

/** RFC 6121 §3 and §4: what each type of presence to a contact, or to the component itself, leads to. */
export function presenceHandler(
  subscriptions: ContactSubscriptions,
  send: (stanza: Element) => void,
): (inbound: Inbound) => Promise<void> | undefined {
  return ({ stanza, from, to }) => {
    const { type } = stanza.attrs;
    const contact = to.local;
    switch (type) {
      case 'subscribe':
        if (contact !== '') return subscriptions.subscribe(contact, from.bare);
        welcome(from.bare, to.domain, send);
        return undefined;
      case 'unsubscribe':
        return contact === '' ? undefined : subscriptions.unsubscribe(contact, from.bare);
      case 'probe':
        if (contact !== '') return subscriptions.probe(contact, from.bare, from.full);
        send(xml('presence', { from: to.domain, to: from.full }));
        return undefined;
      // Contacts watch nobody: there is no subscription in this direction that could be granted or ended (§3.1.6, §3.2.3).
      case 'subscribed':
      case 'unsubscribed':
      // Directed presence (§4.6): contacts have no use for it, and strangers are told nothing.
      case 'unavailable':
      case undefined:
        return undefined;
      default:
        throw new StanzaError('bad-request');
    }
  };
}

/** Who adds the component itself to the roster is told at each log-in whether it runs; it keeps no list of them. */
function welcome(watcher: BareJid, domain: string, send: (stanza: Element) => void): void {
  send(xml('presence', { type: 'subscribed', from: domain, to: watcher }));
  send(xml('presence', { from: domain, to: watcher }));
}
