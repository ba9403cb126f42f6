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

export type SubscriptionKey = Pick<SubscriptionRow, 'contact' | 'watcher'>;

/**
 * Who watches whom, as a port. A promise that has resolved is a promise kept: the change outlives a power failure.
 * Changes are applied in the order of the calls.
 */
export interface SubscriptionStore {
  /** All rows, in chunks of the store's choosing. */
  loadSubscriptions(): AsyncIterable<readonly SubscriptionRow[]>;
  /** Inserts or replaces. @throws when it could not be made durable */
  saveSubscription(row: SubscriptionRow): Promise<void>;
  /** Deletes; a row that is not there is no error. @throws when it could not be made durable */
  deleteSubscription(key: SubscriptionKey): Promise<void>;
}
