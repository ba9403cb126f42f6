import { type Clock, type Instant, SECOND } from '../runtime/clock.ts';

/** How much of a second's allowance may go at once. */
const BURST = 0.1;

/** Limits a rate: `rate` tokens a second, of which a tenth may be taken at once. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #rate: number;
  #tokens: number;
  #filledAt: Instant;

  constructor(clock: Clock, rate: number) {
    this.#clock = clock;
    this.#rate = rate;
    this.#tokens = this.#capacity;
    this.#filledAt = clock.now();
  }

  /** Milliseconds until an empty bucket is full. */
  get pause(): number {
    return BURST * SECOND;
  }

  get #capacity(): number {
    return Math.max(1, this.#rate * BURST);
  }

  /** How many tokens there are now. */
  available(): number {
    const now = this.#clock.now();
    // A clock that was set back must not take away what is there.
    const elapsed = Math.max(0, now - this.#filledAt);
    this.#tokens = Math.min(this.#capacity, this.#tokens + (elapsed * this.#rate) / SECOND);
    this.#filledAt = now;
    return Math.floor(this.#tokens);
  }

  take(count: number): void {
    this.#tokens -= count;
  }
}
