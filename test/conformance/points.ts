/** The points of conformance, by the number that the scenarios' names begin with (`07-probe.test.ts`). */
export const points: readonly string[] = [
  'a wrong secret and a conflict are named, and tried again with growing pauses',
  'subscribe: subscribed, then presence, once Exchange has answered',
  'the same subscribe again: the same answer',
  'subscribe to a forbidden or unknown contact: unsubscribed, indistinguishable',
  'unsubscribe: unavailable, and nothing more',
  'unsubscribed from a user: no reply',
  'probe: the current presence, to the client that probed',
  'probe by one who may not, or whose row was lost',
  'probe while nothing is known, or what is known is old',
  'the component’s own domain',
  'a change: one stanza a watcher; none without a change',
  'after a start or reconnect everything is said again',
  'a stop withdraws what was said',
  'kill -9: everything comes back',
  'who logged in meanwhile has the state without logging in again',
  'a deleted account’s rows go',
  'presence errors',
  'directed presence from a stranger: nothing',
  'messages',
  'iq that nobody understands, or that is malformed',
  'disco, caps, vCard',
  'version, ping, last activity',
  'escaped addresses',
  'texts that XML cannot carry',
  'characters split over chunks',
  'a dead peer',
  '10,000 changes in one second',
];

/** Scenarios that a server leaves no way to play, and why. */
export const impossible: Readonly<Record<string, string>> = {
  'ejabberd 01-conflict': 'a second connection for the domain is accepted, and gets every other stanza',
};
