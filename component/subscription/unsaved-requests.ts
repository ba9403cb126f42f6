import { type Clock, MINUTE, type Timer } from '../runtime/clock.ts';
import type { SubscriptionKey } from './subscription-store.ts';

/** The pause before a request is tried again. */
const RETRY = MINUTE;
/** More are let go. */
const MOST = 20_000;

/**
 * Requests for a subscription that could not be made durable, and so are not answered. They are tried again: Prosody
 * repeats a pending subscribe at each log-in, ejabberd 23.01 never does (test/ejabberd/ejabberd-facts.test.ts).
 */
export class UnsavedRequests {
  readonly #clock: Clock;
  readonly #tryAgain: (key: SubscriptionKey) => void;
  readonly #timers = new Map<string, Timer>();

  /** @param tryAgain called after a minute, once */
  constructor(clock: Clock, tryAgain: (key: SubscriptionKey) => void) {
    this.#clock = clock;
    this.#tryAgain = tryAgain;
  }

  add(key: SubscriptionKey): void {
    const id = idOf(key);
    if (this.#timers.size >= MOST || this.#timers.has(id)) return;
    const timer = this.#clock.after(RETRY, () => {
      this.#timers.delete(id);
      this.#tryAgain(key);
    });
    this.#timers.set(id, timer);
  }

  /** The watcher has asked for something else since, or was answered. */
  forget(key: SubscriptionKey): void {
    if (this.#timers.size === 0) return;
    const id = idOf(key);
    this.#timers.get(id)?.cancel();
    this.#timers.delete(id);
  }

  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }
}

function idOf({ contact, watcher }: SubscriptionKey): string {
  return `${contact}\n${watcher}`;
}
