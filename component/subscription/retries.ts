import { type Clock, MINUTE, type Timer } from '../runtime/clock.ts';
import type { SubscriptionKey } from './subscription-store.ts';

/** The pause before a change is tried again. */
const PAUSE = MINUTE;

type Waiting = { readonly key: SubscriptionKey; readonly timer: Timer };

/** Changes that the store could not take, which are tried again after a minute. */
export class Retries {
  readonly #clock: Clock;
  readonly #tryAgain: (key: SubscriptionKey) => void;
  readonly #most: number;
  readonly #waiting = new Map<string, Waiting>();

  /**
   * @param tryAgain called once for each that was added
   * @param most more than so many are let go
   */
  constructor(clock: Clock, tryAgain: (key: SubscriptionKey) => void, most = Number.POSITIVE_INFINITY) {
    this.#clock = clock;
    this.#tryAgain = tryAgain;
    this.#most = most;
  }

  add(key: SubscriptionKey): void {
    const id = idOf(key);
    if (this.#waiting.size >= this.#most || this.#waiting.has(id)) return;
    const timer = this.#clock.after(PAUSE, () => {
      this.#waiting.delete(id);
      this.#tryAgain(key);
    });
    this.#waiting.set(id, { key, timer });
  }

  forget(key: SubscriptionKey): void {
    if (this.#waiting.size === 0) return;
    const id = idOf(key);
    this.#waiting.get(id)?.timer.cancel();
    this.#waiting.delete(id);
  }

  /** Tries no more. @returns what waited */
  stop(): SubscriptionKey[] {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { timer } of waiting) timer.cancel();
    return waiting.map(({ key }) => key);
  }
}

function idOf({ contact, watcher }: SubscriptionKey): string {
  return `${contact}\n${watcher}`;
}
