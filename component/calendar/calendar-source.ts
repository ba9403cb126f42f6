import type { Mailbox } from '../directory/directory.ts';
import type { CalendarSourceError } from './calendar-source-error.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { RequestBudget } from './request-budget.ts';
import type { BusyPeriod, TimeWindow } from './timeline.ts';
import type { WorkingHours } from './working-hours.ts';

/** What a source says of one mailbox: its entries, whole (not clipped, not merged), or why there are none. */
export type FreeBusyAnswer =
  | {
      readonly mailbox: Mailbox;
      readonly periods: readonly BusyPeriod[];
      /** When its owner works, and in which zone; the same object for equal hours. Undefined: the source does not say. */
      readonly hours?: WorkingHours | undefined;
    }
  | { readonly mailbox: Mailbox; readonly error: CalendarSourceError };

/** The source that is to be asked about the mailbox from now on. */
export type Referral = { readonly mailbox: Mailbox; readonly servedBy: CalendarSource };

/** Whatever answers free/busy: one configured server. */
export interface CalendarSource {
  /** The configured name, for the log. */
  readonly name: string;
  /** The most mailboxes that one request may carry. */
  readonly batchSize: number;
  /** When this server may be asked: its concurrency and its back-off, shared by everything that asks it. */
  readonly budget: RequestBudget;
  /** Hints that a calendar has changed; undefined where the server gives none. */
  readonly changes: ChangeFeed | undefined;

  /**
   * Asks for the free/busy of at most `batchSize` mailboxes.
   *
   * @returns one answer or referral for each mailbox, in their order
   * @throws CalendarSourceError when the request failed as a whole; the signal's reason when aborted
   */
  freeBusy(
    mailboxes: readonly Mailbox[],
    window: TimeWindow,
    signal: AbortSignal,
  ): Promise<readonly (FreeBusyAnswer | Referral)[]>;
}

/**
 * Which source knows a mailbox; undefined when none is configured for it.
 *
 * @param after a source that does not have the mailbox: the next one that may, in a circle; `after` itself when there is
 *   no other
 */
export type CalendarRouter = (mailbox: Mailbox, after?: CalendarSource) => CalendarSource | undefined;
