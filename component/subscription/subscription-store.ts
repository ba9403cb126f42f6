import type { ContactLocal } from '../directory/directory.ts';
import type { Instant } from '../runtime/clock.ts';
import type { BareJid } from './bare-jid.ts';

/**
 * - `pending`: the watcher asked, and Exchange has not yet said whether it knows the mailbox
 * - `subscribed`: the watcher was told `subscribed` and is sent the contact's presence
 */
export type SubscriptionState = 'pending' | 'subscribed';

export type SubscriptionRow = {
  readonly contact: ContactLocal;
  readonly watcher: BareJid;
  readonly state: SubscriptionState;
  /** When the row got its present state. */
  readonly since: Instant;
};

/** Some of a contact's watchers, by the state of their subscriptions. */
export type ContactWatchers = { readonly contact: ContactLocal } & Readonly<
  Record<SubscriptionState, readonly BareJid[]>
>;

export type SubscriptionKey = Pick<SubscriptionRow, 'contact' | 'watcher'>;

/**
 * Who watches whom, as a port. A promise that has resolved is a promise kept: the change outlives a power failure.
 * Changes are applied in the order of the calls.
 */
export interface SubscriptionStore {
  /** All of them, in chunks of the store's choosing; a contact with many watchers may come several times. */
  loadSubscriptions(): AsyncIterable<readonly ContactWatchers[]>;
  /** Inserts or replaces. @throws when it could not be made durable */
  saveSubscription(row: SubscriptionRow): Promise<void>;
  /** Deletes; a row that is not there is no error. @throws when it could not be made durable */
  deleteSubscription(key: SubscriptionKey): Promise<void>;
}
