import xml, { type Element } from '@xmpp/xml';
import type { ContactLocal } from '../directory/directory.ts';
import type { BareJid } from '../subscription/bare-jid.ts';
import { StanzaError } from './stanza-error.ts';
import type { Inbound } from './stanza-router.ts';

/** What presence stanzas to contacts ask for. */
export interface ContactSubscriptions {
  subscribe(contact: ContactLocal, watcher: BareJid): Promise<void>;
  unsubscribe(contact: ContactLocal, watcher: BareJid): Promise<void>;
  probe(contact: ContactLocal, watcher: BareJid, client: string): Promise<void>;
}

/**
 * RFC 6121 §3 and §4: what each type of presence to a contact, or to the component itself, leads to. Deviations:
 * component/subscription/README.md.
 */
export function presenceHandler(
  subscriptions: ContactSubscriptions,
  policy: { allows(watcher: BareJid, contact: ContactLocal): boolean },
  send: (stanza: Element) => void,
): (inbound: Inbound) => Promise<void> | undefined {
  return ({ stanza, from, to }) => {
    const { type } = stanza.attrs;
    const contact = to.local;
    switch (type) {
      case 'subscribe':
        if (contact !== '') return subscriptions.subscribe(contact, from.bare);
        answerForDomain(policy.allows(from.bare, ''), from.bare, to.domain, send);
        return undefined;
      case 'unsubscribe':
        if (contact !== '') return subscriptions.unsubscribe(contact, from.bare);
        if (policy.allows(from.bare, ''))
          send(xml('presence', { type: 'unavailable', from: to.domain, to: from.bare }));
        return undefined;
      case 'probe':
        if (contact !== '') return subscriptions.probe(contact, from.bare, from.full);
        // A stranger is told nothing.
        if (policy.allows(from.bare, '')) send(xml('presence', { from: to.domain, to: from.full }));
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

/**
 * Who may watch anybody may have the component itself in the roster, and is told at each log-in that it runs. It keeps
 * no list of them: at a stop they are told nothing.
 */
function answerForDomain(isAllowed: boolean, watcher: BareJid, domain: string, send: (stanza: Element) => void): void {
  send(xml('presence', { type: isAllowed ? 'subscribed' : 'unsubscribed', from: domain, to: watcher }));
  if (isAllowed) send(xml('presence', { from: domain, to: watcher }));
}
