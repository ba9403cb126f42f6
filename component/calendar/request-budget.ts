import { type Instant, MINUTE, SECOND } from '../runtime/clock.ts';
import { type AccountAttempt, AccountGuard, type AccountMember, MAX_REFUSALS } from './account-guard.ts';
import { CalendarSourceError } from './calendar-source-error.ts';

export type RequestBudgetOptions = {
  /** The most requests in flight at once. */
  readonly concurrency: number;
  /** A number in [0, 1) for the jitter of pauses. */
  readonly random: () => number;
  /** Shared by the budgets of all servers that are asked with the same account; default: one of its own. */
  readonly account?: AccountGuard | undefined;
};

const FIRST_PAUSE = 5 * SECOND;
const LONGEST_PAUSE = 5 * MINUTE;
/** Some front ends throttle with a 401: so soon after a success it is first taken for that. */
const SOON_AFTER_SUCCESS = 15 * MINUTE;
const SHORTEST_PAUSE_AFTER_SUCH = MINUTE;

/** A request under way, and when it began: what began before the trouble says nothing of the time after it. */
type Run = { readonly account: AccountAttempt; readonly troubles: number; readonly halvings: number };

/**
 * When one server may be asked: how many requests at once, and from which instant on after trouble.
 *
 * The number rises from one: by one with each success until the server first throttles, and from then on by one with
 * each round of successes; throttling halves it. Trouble is the server's, not the request's: any failure of a whole
 * request pauses everything to that server, longer each time, and then one request finds out for all. Failures of
 * requests that were in flight together count once. Refused passwords are counted by the account's guard.
 */
export class RequestBudget {
  readonly #options: RequestBudgetOptions;
  readonly #account: AccountGuard;
  readonly #member: AccountMember;
  readonly #listeners = new Set<() => void>();
  #inFlight = 0;
  #limit = 1;
  #failures = 0;
  /** All failures ever. */
  #troubles = 0;
  /** How often the server has throttled. */
  #halvings = 0;
  #proxyRefusals = 0;
  #refusalMayBeThrottling = false;
  #notBefore: Instant = 0;
  #blockedBy: CalendarSourceError | undefined;

  constructor(options: RequestBudgetOptions) {
    this.#options = options;
    this.#account = options.account ?? new AccountGuard();
    this.#member = this.#account.join(() => this.#tell());
  }

  /** How many requests may be started now. */
  slots(now: Instant): number {
    if (this.closedBy !== undefined || now < this.#notBefore) return 0;
    if (!this.#account.trusts(this.#member)) {
      // Ten first requests at once would be ten wrong passwords.
      return this.#inFlight === 0 && this.#account.mayInquire(this.#member, now) ? 1 : 0;
    }
    const allowed = this.#failures > 0 ? 1 : this.limit;
    return Math.max(0, allowed - this.#inFlight);
  }

  /** The most requests in flight at once while all is well, as far as the server has shown: 1 to `concurrency`. */
  get limit(): number {
    return Math.floor(this.#limit);
  }

  /** The end of the present pause (an instant in the past: there is none). */
  get notBefore(): Instant {
    return this.#notBefore;
  }

  /** Why no request is made any more until an administrator has mended something; undefined while open. */
  get closedBy(): CalendarSourceError | undefined {
    return this.#blockedBy ?? this.#account.closedBy(this.#member);
  }

  /** Whether the account was refused, here or elsewhere, and not accepted since. */
  get isAccountDoubtful(): boolean {
    return this.#account.isDoubtful(this.#member);
  }

  /** Whether the last failure was a refused password that was accepted a moment ago. */
  get refusalMayBeThrottling(): boolean {
    return this.#refusalMayBeThrottling;
  }

  /** Calls the listener whenever there may be a slot that was not there before. @returns what ends that */
  onRoom(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Runs one request within the budget.
   *
   * @throws CalendarSourceError of kind `throttled` without asking when there is no slot; else what `request` throws
   */
  async run<T>(clock: { now(): Instant }, request: () => Promise<T>): Promise<T> {
    const now = clock.now();
    if (this.slots(now) === 0) {
      const retryAfter = Math.max(0, this.#notBefore - now);
      throw this.closedBy ?? new CalendarSourceError('throttled', 'The request budget is used up', { retryAfter });
    }
    this.#inFlight++;
    const account = this.#account.begin(this.#member);
    const run: Run = { account, troubles: this.#troubles, halvings: this.#halvings };
    try {
      const result = await request();
      this.#succeeded(run, clock.now());
      return result;
    } catch (error) {
      if (error instanceof CalendarSourceError) this.#failed(error, run, clock.now());
      throw error;
    } finally {
      this.#inFlight--;
      this.#account.end(account);
      this.#tell();
    }
  }

  /** Forgets all trouble: the account's secret changed, or an operator checked the server. */
  reset(): void {
    this.#forgetTrouble();
    this.#blockedBy = undefined;
    this.#account.reset(this.#member);
  }

  /** The wall clock was set: no pause may last longer for that. */
  clockJumped(now: Instant): void {
    this.#notBefore = Math.min(this.#notBefore, now + LONGEST_PAUSE);
  }

  #succeeded(run: Run, now: Instant): void {
    this.#account.accepted(run.account, now);
    if (run.troubles !== this.#troubles) return;
    this.#forgetTrouble();
    const step = this.#halvings === 0 ? 1 : 1 / this.#limit;
    this.#limit = Math.min(this.#options.concurrency, this.#limit + step);
  }

  #forgetTrouble(): void {
    this.#failures = 0;
    this.#proxyRefusals = 0;
    this.#refusalMayBeThrottling = false;
    this.#notBefore = 0;
  }

  #failed(error: CalendarSourceError, run: Run, now: Instant): void {
    const { kind, retryAfter = 0 } = error;
    if (kind === 'blocked') this.#blockedBy = error;
    // The proxy's account is none of the guard's, and can be locked as well as any.
    if (kind === 'proxy-unauthorized' && ++this.#proxyRefusals >= MAX_REFUSALS) this.#blockedBy = error;
    if (kind === 'unauthorized') this.#account.refused(run.account, error, now);
    const sinceSuccess = now - (this.#member.acceptedAt ?? Number.NEGATIVE_INFINITY);
    this.#refusalMayBeThrottling = kind === 'unauthorized' && sinceSuccess < SOON_AFTER_SUCCESS;
    if ((kind === 'throttled' || this.#refusalMayBeThrottling) && run.halvings === this.#halvings) {
      this.#halvings++;
      this.#limit = Math.max(1, this.#limit / 2);
    }
    if (run.troubles === this.#troubles) {
      this.#troubles++;
      this.#failures++;
    }
    const doubled = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (this.#failures - 1));
    const own = doubled * (0.75 + this.#options.random() / 2);
    const least = this.#refusalMayBeThrottling ? SHORTEST_PAUSE_AFTER_SUCH : 0;
    this.#notBefore = Math.max(this.#notBefore, now + Math.max(retryAfter, own, least));
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
