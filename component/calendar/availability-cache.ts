import { LRUCache } from 'lru-cache';
import type { Mailbox } from '../directory/directory.ts';
import { type Instant, MINUTE } from '../runtime/clock.ts';
import type { Timeline } from './timeline.ts';

/** What is known of a mailbox. */
export type Availability = {
  /** The last timeline that its server gave. */
  readonly timeline: Timeline | undefined;
  /** Since when its server says that there is no such mailbox. */
  readonly goneSince: Instant | undefined;
};

export const NOTHING_KNOWN: Availability = { timeline: undefined, goneSince: undefined };

/** How many mailboxes that nobody watches are remembered, and for how long. */
const SPARE = 10_000;
const SPARE_TTL = 10 * MINUTE;

/**
 * The last answer for each mailbox. Watched mailboxes are pinned and never go; what was looked up in passing,
 * "there is no such mailbox" above all, is remembered for ten minutes, so that asking again costs nothing.
 */
export class AvailabilityCache {
  readonly #watched = new Map<Mailbox, Availability>();
  readonly #spare: LRUCache<Mailbox, Availability>;

  constructor(clock: { now(): Instant }) {
    this.#spare = new LRUCache({ max: SPARE, ttl: SPARE_TTL, ttlResolution: 0, perf: clock });
  }

  get(mailbox: Mailbox): Availability {
    return this.#watched.get(mailbox) ?? this.#spare.get(mailbox) ?? NOTHING_KNOWN;
  }

  set(mailbox: Mailbox, availability: Availability): void {
    if (this.#watched.has(mailbox)) this.#watched.set(mailbox, availability);
    else this.#spare.set(mailbox, availability);
  }

  /** From now on the mailbox is watched: what is known of it stays. */
  pin(mailbox: Mailbox): void {
    if (this.#watched.has(mailbox)) return;
    this.#watched.set(mailbox, this.get(mailbox));
    this.#spare.delete(mailbox);
  }

  /** Nobody watches the mailbox any more: what is known of it may go. */
  unpin(mailbox: Mailbox): void {
    const availability = this.#watched.get(mailbox);
    if (availability === undefined) return;
    this.#watched.delete(mailbox);
    this.#spare.set(mailbox, availability);
  }

  watched(): IterableIterator<[Mailbox, Availability]> {
    return this.#watched.entries();
  }
}
