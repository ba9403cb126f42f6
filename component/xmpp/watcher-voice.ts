import type { ContactLocal } from '../directory/directory.ts';
import type { PresencePublisher } from '../presence/presence-publisher.ts';
import type { Saying } from '../subscription/subscription.ts';
import type { SubscriptionVoice } from '../subscription/subscriptions.ts';
import type { ComponentConnection } from './component-connection.ts';
import { subscriptionStanza } from './subscription-stanza.ts';

/** What is kept for the next connection at most; above it the oldest goes: who asks again is told again. */
const MOST_UNSAID = 20_000;

/** Tells watchers how their requests went. What is decided while offline is told on the next connection. */
export class WatcherVoice implements SubscriptionVoice {
  readonly #connection: ComponentConnection;
  readonly #publisher: PresencePublisher;
  readonly #domain: string;
  readonly #unsaid: [Saying, ContactLocal, string][] = [];

  constructor(connection: ComponentConnection, publisher: PresencePublisher, domain: string) {
    this.#connection = connection;
    this.#publisher = publisher;
    this.#domain = domain;
  }

  say(saying: Saying, contact: ContactLocal, to: string): void {
    switch (saying) {
      case 'presence':
        if (to.includes('/')) this.#publisher.answer(contact, to);
        else this.#publisher.greet(contact, to);
        return;
      case 'unavailable':
        this.#publisher.answerUnavailable(contact, to);
        break;
      case 'subscribed':
      case 'unsubscribed':
        this.#connection.send(subscriptionStanza(saying, contact, this.#domain, to));
        break;
    }
    // Presence is said again on the next connection anyway; these words are not.
    if (!this.#connection.isOnline) this.#unsaid.push([saying, contact, to]);
    if (this.#unsaid.length > MOST_UNSAID) this.#unsaid.shift();
  }

  lastWatcherLeft(contact: ContactLocal): void {
    this.#publisher.forget(contact);
  }

  /** A new connection. */
  catchUp(): void {
    for (const words of this.#unsaid.splice(0)) this.say(...words);
  }
}
