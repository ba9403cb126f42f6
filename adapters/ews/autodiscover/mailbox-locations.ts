import { LRUCache } from 'lru-cache';
import type { Mailbox } from '../../../component/directory/directory.ts';
import { type Clock, DAY, type Instant, MINUTE } from '../../../component/runtime/clock.ts';
import type { MailboxLocation } from './locate-mailboxes.ts';

/** What is known of a mailbox. */
type Entry = {
  readonly location: MailboxLocation;
  readonly until: Instant;
  /**
   * The server at `location` has said that it does not have the mailbox. `confirmed`: and Autodiscover, asked since, has
   * named the same server: that counts until `until`.
   */
  readonly doubt?: 'denied' | 'confirmed';
  /** Until then the server at `location` is taken at its word if it says that it has none of some mailboxes. */
  readonly suspectUntil?: Instant;
};

/** As many as the greatest Exchange; each takes some hundred bytes. */
const MOST = 500_000;
/** A server and Autodiscover that contradict each other are left alone for so long: after a move they soon agree. */
const CONTRADICTION = 10 * MINUTE;

/**
 * Where mailboxes are, as far as Autodiscover has said so within a day; and which server has denied having one, so that
 * no mailbox is sent to and fro between a server and an Autodiscover that believe different things.
 */
export class MailboxLocations {
  readonly #clock: Clock;
  readonly #entries = new LRUCache<Mailbox, Entry>({ max: MOST });
  /** One object for all mailboxes of a server and group. */
  readonly #locations = new Map<string, MailboxLocation>();

  readonly #random: () => number;

  /** @param random a number in [0, 1): what was found together need not be looked for together a day later */
  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Where the mailbox is; undefined when it must be asked. */
  current(mailbox: Mailbox): MailboxLocation | undefined {
    const entry = this.#entries.get(mailbox);
    return entry !== undefined && entry.doubt === undefined && this.#isWithin(entry, DAY) ? entry.location : undefined;
  }

  /** Whether the mailbox's server and Autodiscover have contradicted each other a moment ago. */
  isContradicted(mailbox: Mailbox): boolean {
    const entry = this.#entries.get(mailbox);
    return entry?.doubt === 'confirmed' && this.#isWithin(entry, CONTRADICTION);
  }

  /** Keeps what Autodiscover says. @returns false when that is the very server that has just denied the mailbox */
  found(mailbox: Mailbox, found: MailboxLocation): boolean {
    const [location, now] = [this.#shared(found), this.#clock.now()];
    const entry = this.#entries.get(mailbox);
    const isDenied = entry?.doubt === 'denied' && entry.location.url === location.url;
    if (isDenied) this.#entries.set(mailbox, { location, until: now + CONTRADICTION, doubt: 'confirmed' });
    else {
      const { suspectUntil = 0 } = entry?.location.url === location.url ? entry : {};
      const until = now + DAY * (0.9 + 0.1 * this.#random());
      this.#entries.set(mailbox, { location, until, ...(suspectUntil > now && { suspectUntil }) });
    }
    return !isDenied;
  }

  /** The server at `url` says that it does not have the mailbox. */
  denied(mailbox: Mailbox, url: string): void {
    const entry = this.#entries.get(mailbox);
    if (entry !== undefined && entry.location.url !== url) return;
    const location = entry?.location ?? this.#shared({ url, group: undefined });
    this.#entries.set(mailbox, { location, until: this.#clock.now(), doubt: 'denied' });
  }

  /**
   * The server at `url` says that it does not have some mailboxes, of which this is one. Autodiscover's word counts then,
   * unless that happens again within a while.
   */
  doubted(mailbox: Mailbox, url: string): void {
    const entry = this.#entries.get(mailbox);
    if (entry === undefined || entry.location.url !== url) return;
    const now = this.#clock.now();
    const left = (entry.suspectUntil ?? now) - now;
    if (left > 0 && left <= CONTRADICTION) this.denied(mailbox, url);
    else this.#entries.set(mailbox, { ...entry, until: now, suspectUntil: now + CONTRADICTION });
  }

  groupOf(mailbox: Mailbox): string | undefined {
    return this.#entries.peek(mailbox)?.location.group;
  }

  /** @param most what the clock may have been set back since counts as over */
  #isWithin({ until }: Entry, most: number): boolean {
    const left = until - this.#clock.now();
    return left > 0 && left <= most;
  }

  #shared(location: MailboxLocation): MailboxLocation {
    const key = `${location.url} ${location.group ?? ''}`;
    const known = this.#locations.get(key);
    if (known !== undefined) return known;
    // A service that makes them up would fill the memory.
    if (this.#locations.size < 10_000) this.#locations.set(key, location);
    return location;
  }
}
