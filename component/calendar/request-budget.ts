import { type Instant, MINUTE, SECOND } from '../runtime/clock.ts';
import { type AccountAttempt, AccountGuard, type AccountMember } from './account-guard.ts';
import { CalendarSourceError } from './calendar-source-error.ts';

export type RequestBudgetOptions = {
  /** The server, for people: the log names where an account was refused. */
  readonly name?: string | undefined;
  /** The most requests in flight at once. */
  readonly concurrency: number;
  /** A number in [0, 1) for the jitter of pauses. */
  readonly random: () => number;
  /** Shared by the budgets of all servers that are asked with the same account; default: one of its own. */
  readonly account?: AccountGuard | undefined;
  /** The same for the account at the proxy on the way. */
  readonly proxyAccount?: AccountGuard | undefined;
};

const FIRST_PAUSE = 5 * SECOND;
const LONGEST_PAUSE = 5 * MINUTE;
/** Some front ends throttle with a 401: so soon after a success it is first taken for that. */
const SOON_AFTER_SUCCESS = 15 * MINUTE;
const SHORTEST_PAUSE_AFTER_SUCH = MINUTE;

/** The server's standing with one of the accounts that a request needs. */
type Standing = { readonly guard: AccountGuard; readonly member: AccountMember };

/** A request under way, and when it began: what began before the trouble says nothing of the time after it. */
type Run = {
  readonly account: AccountAttempt;
  readonly proxyAccount: AccountAttempt;
  readonly troubles: number;
  readonly halvings: number;
};

/**
 * When one server may be asked: how many requests at once, and from which instant on after trouble. There is one for
 * each server and account, however many sources ask there.
 *
 * The number rises from one: by one with each success until the server first throttles, and from then on by one with
 * each round of successes; throttling halves it. Trouble is the server's, not the request's: any failure of a whole
 * request pauses everything to that server, longer each time, and then one request finds out for all. Failures of
 * requests that were in flight together count once. That it does not have the mailboxes of a request is no trouble,
 * as long as another server can be asked for them. Refused passwords, the proxy's too, are counted by the accounts' guards.
 */
export class RequestBudget {
  readonly #random: () => number;
  /** With the server's account, and with the proxy's. */
  readonly #accounts: readonly [Standing, Standing];
  /** Failures that may yet turn out to be trouble. */
  readonly #leftOpen = new WeakMap<CalendarSourceError, Run>();
  readonly #listeners = new Set<() => void>();
  #concurrency: number;
  #inFlight = 0;
  #limit = 1;
  #failures = 0;
  /** All failures ever. */
  #troubles = 0;
  /** How often the server has throttled. */
  #halvings = 0;
  #refusalMayBeThrottling = false;
  #notBefore: Instant = 0;
  #blockedBy: CalendarSourceError | undefined;

  constructor({ name, concurrency, random, account, proxyAccount }: RequestBudgetOptions) {
    this.#concurrency = concurrency;
    this.#random = random;
    const join = (guard: AccountGuard): Standing => ({ guard, member: guard.join(() => this.#tell(), name) });
    this.#accounts = [join(account ?? new AccountGuard()), join(proxyAccount ?? new AccountGuard())];
  }

  /** From now on at most so many requests are in flight at once: the least that anyone wants who shares the budget. */
  limitTo(concurrency: number): void {
    this.#concurrency = Math.min(this.#concurrency, concurrency);
  }

  /** How many requests may be started now. */
  slots(now: Instant): number {
    if (this.closedBy !== undefined || now < this.#notBefore) return 0;
    if (!this.#accounts.every(({ guard, member }) => guard.trusts(member))) {
      // Ten first requests at once would be ten wrong passwords.
      const mayInquire = this.#accounts.every(
        ({ guard, member }) => guard.trusts(member) || guard.mayInquire(member, now),
      );
      return this.#inFlight === 0 && mayInquire ? 1 : 0;
    }
    const allowed = this.#failures > 0 ? 1 : this.limit;
    return Math.max(0, allowed - this.#inFlight);
  }

  /** The most requests in flight at once while all is well, as far as the server has shown: 1 to `concurrency`. */
  get limit(): number {
    return Math.min(Math.floor(this.#limit), this.#concurrency);
  }

  /** The end of the present pause (an instant in the past: there is none). */
  get notBefore(): Instant {
    return this.#notBefore;
  }

  /** Why no request is made any more until an administrator has mended something; undefined while open. */
  get closedBy(): CalendarSourceError | undefined {
    const [{ guard, member }, proxy] = this.#accounts;
    return this.#blockedBy ?? guard.closedBy(member) ?? proxy.guard.closedBy(proxy.member);
  }

  /** Where the refusal was that closed it, if that was an account's; undefined while open. */
  get refusedAt(): string | undefined {
    if (this.#blockedBy !== undefined) return undefined;
    const [{ guard, member }, proxy] = this.#accounts;
    return guard.refusedAt(member) ?? proxy.guard.refusedAt(proxy.member);
  }

  /** Whether an account was refused, here or elsewhere, and not accepted since. */
  get isAccountDoubtful(): boolean {
    return this.#accounts.some(({ guard, member }) => guard.isDoubtful(member));
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
   * A failure of the kind `wrong-server` changes nothing by itself: see `failed`.
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
    const run = this.#begin();
    try {
      const result = await request();
      this.#succeeded(run, clock.now());
      return result;
    } catch (error) {
      if (error instanceof CalendarSourceError) {
        this.#judgeAccounts(error, run, clock.now());
        if (error.kind === 'wrong-server') this.#leftOpen.set(error, run);
        else this.#failed(error, run, clock.now());
      }
      throw error;
    } finally {
      this.#inFlight--;
      this.#end(run);
      this.#tell();
    }
  }

  /** Counts a failure that `run` left open: the server has none of the mailboxes, and nobody else can be asked for them. */
  failed(error: CalendarSourceError, now: Instant): void {
    this.#failed(error, this.#leftOpen.get(error) ?? { troubles: this.#troubles, halvings: this.#halvings }, now);
  }

  /**
   * The server failed where no request of the budget was under way: on a connection that stays open. What comes during
   * a pause belongs to the trouble that made it, and can only lengthen it.
   */
  heardOf(error: CalendarSourceError, now: Instant): void {
    const run = this.#begin();
    this.#judgeAccounts(error, run, now);
    this.#failed(error, now < this.#notBefore ? { troubles: -1, halvings: -1 } : run, now);
    this.#end(run);
    this.#tell();
  }

  /** Forgets all trouble: the account's secret changed, or an operator checked the server. */
  reset(): void {
    this.#forgetTrouble();
    this.#blockedBy = undefined;
    for (const { guard, member } of this.#accounts) guard.reset(member);
  }

  /** The wall clock was set: no pause may last longer for that. */
  clockJumped(now: Instant): void {
    this.#notBefore = Math.min(this.#notBefore, now + LONGEST_PAUSE);
  }

  #begin(): Run {
    const [server, proxy] = this.#accounts;
    return {
      account: server.guard.begin(server.member),
      proxyAccount: proxy.guard.begin(proxy.member),
      ...{ troubles: this.#troubles, halvings: this.#halvings },
    };
  }

  #end(run: Run): void {
    const [server, proxy] = this.#accounts;
    server.guard.end(run.account);
    proxy.guard.end(run.proxyAccount);
  }

  #judgeAccounts(error: CalendarSourceError, { account, proxyAccount }: Run, now: Instant): void {
    const { kind } = error;
    const [server, proxy] = this.#accounts;
    if (kind === 'unauthorized') server.guard.refused(account, error, now);
    if (kind === 'proxy-unauthorized') proxy.guard.refused(proxyAccount, error, now);
    // Whatever the server itself has said came through the proxy; without an answer nobody knows how far it got.
    else if (kind !== 'unreachable') proxy.guard.accepted(proxyAccount, now);
  }

  #succeeded(run: Run, now: Instant): void {
    const [server, proxy] = this.#accounts;
    server.guard.accepted(run.account, now);
    proxy.guard.accepted(run.proxyAccount, now);
    if (run.troubles !== this.#troubles) return;
    this.#forgetTrouble();
    const step = this.#halvings === 0 ? 1 : 1 / this.#limit;
    this.#limit = Math.min(this.#concurrency, this.#limit + step);
  }

  #forgetTrouble(): void {
    this.#failures = 0;
    this.#refusalMayBeThrottling = false;
    this.#notBefore = 0;
  }

  #failed(error: CalendarSourceError, run: Pick<Run, 'troubles' | 'halvings'>, now: Instant): void {
    const { kind, retryAfter = 0 } = error;
    if (kind === 'blocked') this.#blockedBy = error;
    const sinceSuccess = now - (this.#accounts[0].member.acceptedAt ?? Number.NEGATIVE_INFINITY);
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
    const own = doubled * (0.75 + this.#random() / 2);
    const least = this.#refusalMayBeThrottling ? SHORTEST_PAUSE_AFTER_SUCH : 0;
    this.#notBefore = Math.max(this.#notBefore, now + Math.max(retryAfter, own, least));
  }

  #tell(): void {
    const listeners = [...this.#listeners];
    const [first] = listeners;
    // Who is told first has the better chance: of those who share the budget each is, in turn.
    if (first !== undefined && this.#listeners.delete(first)) this.#listeners.add(first);
    for (const listener of listeners) if (this.#listeners.has(listener)) listener();
  }
}
