import xml from '@xmpp/xml';
import type { IqHandler } from './stanza-router.ts';

/** XEP-0092: Software Version. */
export const NS_VERSION = 'jabber:iq:version';

/** Name and version; not the operating system (§5: it helps nobody but an attacker). */
export function versionHandler(version: string): IqHandler {
  return {
    namespace: NS_VERSION,
    element: 'query',
    contacts: true,
    get: () => xml('query', { xmlns: NS_VERSION }, xml('name', {}, 'Presence Gateway'), xml('version', {}, version)),
  };
}
