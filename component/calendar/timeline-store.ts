import type { Mailbox } from '../directory/directory.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Timeline } from './timeline.ts';

/** What is kept of a mailbox between two runs of the gateway. */
export type MailboxRecord = {
  readonly mailbox: Mailbox;
  /** The last known timeline; undefined when there never was one. It may be a getter that unpacks it when first asked. */
  readonly timeline: Timeline | undefined;
  /** Since when its server says that it has no such mailbox; undefined while it has. */
  readonly goneSince: Instant | undefined;
};

/** Mailboxes' last known timelines, as a port. Losing the newest of them costs freshness, not correctness. */
export interface TimelineStore {
  /** All records, in chunks of the store's choosing. */
  loadTimelines(): AsyncIterable<readonly MailboxRecord[]>;
  /** Inserts or replaces; resolves when committed. */
  saveTimelines(records: readonly MailboxRecord[]): Promise<void>;
  deleteTimelines(mailboxes: readonly Mailbox[]): Promise<void>;
}
