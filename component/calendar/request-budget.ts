import { type Instant, MINUTE, SECOND } from '../runtime/clock.ts';
import { CalendarSourceError } from './calendar-source-error.ts';

export type RequestBudgetOptions = {
  /** The most requests in flight at once. */
  readonly concurrency: number;
  /** A number in [0, 1) for the jitter of pauses. */
  readonly random: () => number;
};

const FIRST_PAUSE = 5 * SECOND;
const LONGEST_PAUSE = 5 * MINUTE;
/** Windows locks an account after a handful of wrong passwords: three of ours are the most it ever sees. */
const MAX_REFUSALS = 3;

/**
 * When one server may be asked: how many requests at once, and from which instant on after trouble.
 *
 * Trouble is the server's, not the request's: any failure of a whole request pauses everything to that server,
 * longer each time. After a refused password at most one request is in flight, after three none until `reset`.
 */
export class RequestBudget {
  readonly #options: RequestBudgetOptions;
  #inFlight = 0;
  #failures = 0;
  /** All failures ever: tells a success from before the trouble from one after it. */
  #troubles = 0;
  /** Whether the account was ever accepted: ten first requests at once would be ten wrong passwords. */
  #proven = false;
  #refusals = 0;
  #notBefore: Instant = 0;
  #closedBy: CalendarSourceError | undefined;

  constructor(options: RequestBudgetOptions) {
    this.#options = options;
  }

  /** How many requests may be started now. */
  slots(now: Instant): number {
    if (this.#closedBy !== undefined || now < this.#notBefore) return 0;
    // While the server is in doubt, one request finds out for all.
    const allowed = this.#failures > 0 || !this.#proven ? 1 : this.#options.concurrency;
    return Math.max(0, allowed - this.#inFlight);
  }

  /** The end of the present pause (an instant in the past: there is none). */
  get notBefore(): Instant {
    return this.#notBefore;
  }

  /** Why no request is made any more until an administrator has mended something; undefined while open. */
  get closedBy(): CalendarSourceError | undefined {
    return this.#closedBy;
  }

  /**
   * Runs one request within the budget.
   *
   * @throws CalendarSourceError of kind `throttled` without asking when there is no slot; else what `request` throws
   */
  async run<T>(clock: { now(): Instant }, request: () => Promise<T>): Promise<T> {
    const now = clock.now();
    if (this.slots(now) === 0) {
      throw (
        this.#closedBy ??
        new CalendarSourceError('throttled', 'The request budget is used up', { retryAfter: this.#notBefore - now })
      );
    }
    this.#inFlight++;
    const troubles = this.#troubles;
    try {
      const result = await request();
      // A request that was under way before the trouble began says nothing of the time after it.
      if (troubles === this.#troubles) {
        this.reset();
        this.#proven = true;
      }
      return result;
    } catch (error) {
      if (error instanceof CalendarSourceError) this.#failed(error, clock.now());
      throw error;
    } finally {
      this.#inFlight--;
    }
  }

  /** Forgets all trouble: the account's secret changed, or an operator checked the server. */
  reset(): void {
    this.#failures = 0;
    this.#refusals = 0;
    this.#notBefore = 0;
    this.#closedBy = undefined;
    this.#proven = false;
  }

  /** The wall clock was set: no pause may last longer for that. */
  clockJumped(now: Instant): void {
    this.#notBefore = Math.min(this.#notBefore, now + LONGEST_PAUSE);
  }

  #failed(error: CalendarSourceError, now: Instant): void {
    this.#failures++;
    this.#troubles++;
    if (error.kind === 'unauthorized') this.#refusals++;
    if (error.kind === 'blocked' || this.#refusals >= MAX_REFUSALS) {
      this.#closedBy = error;
      return;
    }
    const doubled = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (this.#failures - 1));
    const pause = Math.max(error.retryAfter ?? 0, doubled * (0.75 + this.#options.random() / 2));
    this.#notBefore = Math.max(this.#notBefore, now + pause);
  }
}
