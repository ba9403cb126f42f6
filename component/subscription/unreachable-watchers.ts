import { type Clock, DAY, HOUR, type Instant, type Timer } from '../runtime/clock.ts';
import type { BareJid } from './bare-jid.ts';

/**
 * RFC 6120 §8.3.3: what an answer to presence says of the watcher's account or server that will not pass by itself.
 * Everything else (`remote-server-timeout`, `service-unavailable`, …) may be over in a moment.
 */
const LASTING: ReadonlySet<string> = new Set(['gone', 'item-not-found', 'remote-server-not-found']);

/** A watcher that cannot be reached for so long has its rows deleted. */
const PURGE_AFTER = 30 * DAY;
const LOOK_EVERY = HOUR;
/** More are let go, the first ones first: they will bounce again. */
const MOST = 100_000;

/**
 * Watchers whose accounts are said not to be there. They are told nothing more, until they ask again: who has moved, or
 * whose server had lost its domain for an hour, must not lose the roster for that.
 */
export class UnreachableWatchers {
  readonly #clock: Clock;
  readonly #purge: (watcher: BareJid) => void;
  readonly #since = new Map<BareJid, Instant>();
  #timer: Timer | undefined;

  /** @param purge called when a watcher's subscriptions are to end */
  constructor(clock: Clock, purge: (watcher: BareJid) => void) {
    this.#clock = clock;
    this.#purge = purge;
  }

  get isEmpty(): boolean {
    return this.#since.size === 0;
  }

  has(watcher: BareJid): boolean {
    return this.#since.has(watcher);
  }

  /** Presence to the watcher came back with an error. @returns whether it is told nothing from now on, and was until now */
  bounced(watcher: BareJid, condition: string): boolean {
    if (!LASTING.has(condition) || this.#since.has(watcher)) return false;
    this.#since.set(watcher, this.#clock.now());
    const [first] = this.#since.keys();
    if (this.#since.size > MOST && first !== undefined) this.#since.delete(first);
    this.#timer ??= this.#clock.after(LOOK_EVERY, () => this.#look());
    return true;
  }

  /** The watcher has spoken: it is there. */
  heard(watcher: BareJid): void {
    if (this.#since.size > 0) this.#since.delete(watcher);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (const [watcher, since] of this.#since) {
      if (now - since < PURGE_AFTER) continue;
      this.#since.delete(watcher);
      this.#purge(watcher);
    }
    if (this.#since.size > 0) this.#timer = this.#clock.after(LOOK_EVERY, () => this.#look());
  }
}
