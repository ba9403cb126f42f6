import xml from '@xmpp/xml';
import type { ContactLocal } from '../directory/directory.ts';
import type { BareJid } from '../subscription/bare-jid.ts';
import { StanzaError } from './stanza-error.ts';
import type { IqHandler } from './stanza-router.ts';

/** XEP-0054: vcard-temp. */
export const NS_VCARD = 'vcard-temp';

/**
 * §3.2: a contact's name, for those who may watch it; others, and who asks for a contact that there is none of, get the
 * same answer. The mailbox is not said: a contact may stand for one that nobody is to know.
 *
 * @param nameOf the name of a contact; undefined: there is no such contact
 */
export function vcardHandler(
  nameOf: (contact: ContactLocal) => string | undefined,
  allows: (watcher: BareJid, contact: ContactLocal) => boolean,
): IqHandler {
  return {
    namespace: NS_VCARD,
    element: 'vCard',
    contacts: true,
    get: (_request, { from, to }) => {
      const name = to.local === '' ? 'Calendar presence' : nameOf(to.local);
      if (name === undefined || !allows(from.bare, to.local)) throw new StanzaError('item-not-found');
      return xml('vCard', { xmlns: NS_VCARD }, xml('FN', {}, name));
    },
  };
}
