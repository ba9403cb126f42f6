import type { Instant } from '../../component/runtime/clock.ts';
import type { Received } from '../support/xmpp-watcher.ts';
import { ACCEPTED, UNAVAILABLE } from './expectation.ts';
import { type Person, people } from './story.ts';

/** Something that Bob's client received: from whom, at which played instant, and what a person would call it. */
export type Heard = { readonly person: Person | undefined; readonly at: Instant; readonly what: string };

const shows: Readonly<Record<string, string>> = {
  dnd: 'do not disturb',
  away: 'away',
  xa: 'away for long',
  chat: 'free for chat',
};

/** Puts a stanza into words. What has no words here is shown as it came. */
export function hear(stanza: Received, componentDomain: string, at: Instant): Heard {
  const [bare = '', resource] = stanza.from.split('/');
  const person = people.find((name) => bare === `${name.toLowerCase()}@${componentDomain}`);
  return { person, at, what: inWords(stanza, resource) };
}

function inWords(stanza: Received, resource: string | undefined): string {
  const { name, type, show, status } = stanza;
  if (name === 'presence' && type === 'subscribed' && resource === undefined) return ACCEPTED;
  // One full JID for everything that is said: else a client would list several Alices.
  if (name === 'presence' && resource === 'calendar') {
    if (type === 'unavailable') return UNAVAILABLE;
    if (type === undefined) {
      const availability = show === undefined ? 'available' : (shows[show] ?? show);
      return status === undefined ? availability : `${availability}: ${status}`;
    }
  }
  return String(stanza.element);
}
