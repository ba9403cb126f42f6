import { CalendarSourceError } from '../../component/calendar/calendar-source-error.ts';
import type { RequestBudget } from '../../component/calendar/request-budget.ts';
import { type Clock, type Instant, SECOND, type Timer } from '../../component/runtime/clock.ts';

export type SpareSlotsOptions = {
  readonly budget: RequestBudget;
  readonly clock: Clock;
  /** The most requests of this kind in flight at once. */
  readonly most: number;
};

/**
 * How long after a pause of the budget the next request is left to free/busy. One request finds out for all then: an
 * operation that alone fails, again and again, would lengthen the pause each time, and free/busy never have its turn.
 */
const HEAD_START = SECOND;

/** Longer than those who ask for free/busy gather: the last slot, when it comes back, is theirs for so long. */
const REST = 50;

/**
 * Requests that are less urgent than free/busy: they take what a server's budget has to spare. Of several free slots
 * they leave one; the last one they take only when none of them is in flight, nor was a moment ago. While the account
 * is doubtful they take none: the few attempts that it has belong to free/busy.
 */
export class SpareSlots {
  readonly #options: SpareSlotsOptions;
  readonly #waiting = new Set<() => void>();
  #inFlight = 0;
  /** Until then the last slot is left to others. */
  #restUntil: Instant = 0;
  #timer: Timer | undefined;
  #endListening: (() => void) | undefined;

  constructor(options: SpareSlotsOptions) {
    this.#options = options;
  }

  /** Whether a request would start at once. */
  get isFree(): boolean {
    const { budget, clock } = this.#options;
    const now = clock.now();
    const hasPaused = budget.notBefore > 0;
    if (budget.isAccountDoubtful || (hasPaused && now < budget.notBefore + HEAD_START)) return false;
    const free = budget.slots(now);
    return (
      this.#inFlight < this.#options.most && (free > 1 || (free === 1 && this.#inFlight === 0 && this.#rest === 0))
    );
  }

  /** Whether the server is not to be asked at all now: it is in trouble, and those who ask for free/busy know it. */
  get isHeldUp(): boolean {
    const { budget, clock } = this.#options;
    return budget.closedBy !== undefined || budget.notBefore > clock.now();
  }

  /** How long the last slot is still to be left to others, in milliseconds. */
  get #rest(): number {
    const rest = this.#restUntil - this.#options.clock.now();
    // More than that: the clock was set back.
    return rest > REST ? 0 : Math.max(0, rest);
  }

  /**
   * Waits for its turn and runs one request.
   *
   * The budget counts a failure only where it is the server's: that a mailbox is refused to us, or that this one
   * operation is not possible, must not slow down everything else.
   *
   * @throws what `request` throws; the signal's reason when aborted while waiting
   */
  run<Result>(signal: AbortSignal, request: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const giveUp = () => {
        this.#waiting.delete(start);
        reject(signal.reason as Error);
      };
      const start = () => {
        signal.removeEventListener('abort', giveUp);
        this.#run(request).then(resolve, reject);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.add(start);
      this.#startSome();
    });
  }

  /**
   * The server failed in an answer whose request has given its slot back, for the answer goes on: the budget hears of it
   * where it is the server's trouble, or our account's. That one such connection ended is not.
   */
  report(error: CalendarSourceError): void {
    const { budget, clock } = this.#options;
    const isEnd = error.kind === 'unreachable' && error.retryAfter === undefined;
    if (isOfServer(error) && !isEnd) budget.heardOf(error, clock.now());
  }

  async #run<Result>(request: () => Promise<Result>): Promise<Result> {
    const { budget, clock } = this.#options;
    const isLast = budget.slots(clock.now()) === 1;
    this.#inFlight++;
    try {
      return await budget.run(clock, async () => {
        try {
          return await request();
        } catch (error) {
          if (!(error instanceof CalendarSourceError) || isOfServer(error)) throw error;
          throw new Aside(error);
        }
      });
    } catch (error) {
      throw error instanceof Aside ? error.cause : error;
    } finally {
      this.#inFlight--;
      if (isLast) this.#restUntil = clock.now() + REST;
      this.#startSome();
    }
  }

  #startSome(): void {
    for (const start of this.#waiting) {
      if (!this.isFree) break;
      this.#waiting.delete(start);
      start();
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#waiting.size === 0) {
      this.#endListening?.();
      this.#endListening = undefined;
      return;
    }
    const { budget, clock } = this.#options;
    this.#endListening ??= budget.onRoom(() => this.#startSome());
    const pause = Math.max(budget.notBefore > 0 ? budget.notBefore + HEAD_START - clock.now() : 0, this.#rest);
    if (pause > 0) this.#timer = clock.after(pause, () => this.#startSome());
  }
}

/** The failure of a request that says nothing of the server. */
class Aside extends Error {
  override readonly name = 'Aside';

  constructor(cause: CalendarSourceError) {
    super('Nothing that concerns the budget', { cause });
  }
}

/**
 * Whether a failure is the whole server's trouble, or our account's: no answer, or one that speaks of either, or that
 * wants us to wait, for whatever reason.
 */
export function isOfServer({ kind, hasResponseCode, retryAfter }: CalendarSourceError): boolean {
  if (retryAfter !== undefined) return true;
  switch (kind) {
    case 'throttled':
    case 'unauthorized':
    case 'proxy-unauthorized':
    case 'blocked':
      return true;
    case 'unreachable':
      return !hasResponseCode;
    default:
      return false;
  }
}
