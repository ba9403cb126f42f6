import xml from '@xmpp/xml';
import { type Clock, SECOND } from '../runtime/clock.ts';
import type { IqHandler } from './stanza-router.ts';

/** XEP-0012: Last Activity. */
export const NS_LAST = 'jabber:iq:last';

/** §5: the component's uptime. Contacts do not answer: what they did last, nobody here knows. */
export function lastActivityHandler(clock: Clock): IqHandler {
  const startedAt = clock.now();
  return {
    namespace: NS_LAST,
    element: 'query',
    contacts: false,
    get: () => {
      const seconds = Math.max(0, Math.floor((clock.now() - startedAt) / SECOND));
      return xml('query', { xmlns: NS_LAST, seconds });
    },
  };
}
