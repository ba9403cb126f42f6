import type { IqHandler } from './stanza-router.ts';

/** XEP-0199: XMPP Ping. */
export const NS_PING = 'urn:xmpp:ping';

/** §4.2–4.4: every address of ours answers; there is nothing to say. */
export const pingHandler: IqHandler = {
  namespace: NS_PING,
  element: 'ping',
  contacts: true,
  get: () => undefined,
};
