import xml, { type Element } from '@xmpp/xml';
import type { ContactLocal } from '../directory/directory.ts';
import type { BareJid } from '../subscription/bare-jid.ts';

/** RFC 6121 §3.1.5, §3.2.2: the contact's answer to a watcher, bare JID to bare JID. */
export function subscriptionStanza(
  type: 'subscribed' | 'unsubscribed',
  contact: ContactLocal,
  domain: string,
  watcher: BareJid,
): Element {
  return xml('presence', { type, from: `${contact}@${domain}`, to: watcher });
}
