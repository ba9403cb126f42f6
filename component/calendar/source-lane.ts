import type { Mailbox } from '../directory/directory.ts';
import { type Clock, type Instant, MINUTE, SECOND, type Timer } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { LoopShare } from '../runtime/loop-share.ts';
import { AskQueue } from './ask-queue.ts';
import type { CalendarSource, FreeBusyAnswer, Referral } from './calendar-source.ts';
import { CalendarSourceError, type CalendarSourceErrorKind } from './calendar-source-error.ts';
import { LaneLog } from './lane-log.ts';
import type { NextStep } from './mailbox-search.ts';
import { lookAhead, type Paces, type Turn } from './pace.ts';
import { mayBeOneMailbox } from './split-batch.ts';
import type { TimeWindow } from './timeline.ts';

export type LaneOptions = Paces & {
  readonly clock: Clock;
  readonly logger: Logger;
  /** A number in [0, 1): shuffles and spreads the requests. */
  readonly random: () => number;
  /** How far around now is asked, in milliseconds. */
  readonly window: { readonly past: number; readonly future: number };
  /** How long after the first hint of a change a mailbox is asked for, in milliseconds: changes come in bursts. */
  readonly coalesce: number;
  /** Receives each mailbox's answer, with the instant of the request and the window it asked about. */
  readonly onAnswer: (answer: FreeBusyAnswer, at: Instant, window: TimeWindow) => void;
};

/** Who has the lanes: knows each mailbox's pace, and which lane is its own. */
export interface LaneOwner {
  /** How many calendar entries all lanes together may take in before the event loop has its turn. */
  readonly share: LoopShare;
  /** When the mailbox, asked for at `askedAt` and answered, is to be asked for next. */
  nextAsk(mailbox: Mailbox, askedAt: Instant): Turn;
  /** The mailbox has left the lane: from now on it is the other source's. */
  refer(referral: Referral): void;
  /** Whom to ask for the mailbox next, now that this source has failed for it; undefined: this one again. */
  stepAfter(mailbox: Mailbox, error: CalendarSourceError): NextStep | undefined;
  /** The mailbox has left the lane for that. */
  passOn(mailbox: Mailbox, step: NextStep): void;
}

/** The pause before a mailbox that got no answer for a passing reason is asked for again. */
export const RETRY = 30 * SECOND;
/** Look-ups that come within this time travel in one request. */
const GATHER = 25;
/** The pause after errors that only an administrator or time can mend. */
const PATIENT_RETRY = 30 * MINUTE;
const patientKinds: readonly CalendarSourceErrorKind[] = ['mailbox-not-found', 'access-denied', 'malformed'];
/** How long somebody who waits for a mailbox has to wait until it is asked for again. */
const HURRY = 3 * SECOND;

/** The requests to one server: what is due, what is in flight, and when the server may be asked next. */
export class SourceLane {
  readonly #source: CalendarSource;
  readonly #options: LaneOptions;
  readonly #owner: LaneOwner;
  readonly #clock: Clock;
  readonly #log: LaneLog;
  readonly #queue: AskQueue;
  readonly #inFlight = new Set<Mailbox>();
  /** Those in flight whose answers will be out of date: the feed says that they changed, or the clock was set. */
  readonly #changed = new Set<Mailbox>();
  /** How often in a row a mailbox got no answer for a passing reason. */
  readonly #failures = new Map<Mailbox, number>();
  /** Those that may be what makes a request fail: alone in one, they would look like the server's trouble. */
  readonly #suspects = new Set<Mailbox>();
  /** The most mailboxes in a request; fewer while one of them may be what makes requests fail. */
  #batchSize: number;
  #requests = 0;
  /** Whether the last asking left something that was due: it has been gathered, and only waits for room. */
  #isBehind = false;
  #abort: AbortController | undefined;
  #leaveBudget: (() => void) | undefined;
  #timer: Timer | undefined;
  #timerAt: Instant = Number.POSITIVE_INFINITY;

  constructor(source: CalendarSource, options: LaneOptions, owner: LaneOwner) {
    this.#source = source;
    this.#options = options;
    this.#owner = owner;
    this.#clock = options.clock;
    this.#log = new LaneLog(options.logger.child({ server: source.name }), source.budget);
    this.#queue = new AskQueue(lookAhead(options));
    this.#batchSize = source.batchSize;
  }

  /** The source's, for the log. */
  get name(): string {
    return this.#source.name;
  }

  get isEmpty(): boolean {
    return this.#queue.size + this.#inFlight.size === 0;
  }

  start(): void {
    const { budget, changes } = this.#source;
    this.#abort = new AbortController();
    this.#leaveBudget = budget.onRoom(() => this.#arm());
    changes?.start((mailbox) => this.#hint(mailbox));
    for (const mailbox of this.#queue.mailboxes()) changes?.follow(mailbox);
    this.#arm();
  }

  /** Asks no more from now on; resolves when the change feed has ended, too. */
  async stop(): Promise<void> {
    this.#abort?.abort();
    this.#abort = undefined;
    this.#leaveBudget?.();
    this.#disarm();
    try {
      await this.#source.changes?.stop();
    } catch (error) {
      this.#log.feedFailed(error);
    }
  }

  watch(mailbox: Mailbox, turn: Turn): void {
    this.#queue.setTurn(mailbox, turn);
    if (this.#abort !== undefined) this.#source.changes?.follow(mailbox);
    this.#arm();
  }

  unwatch(mailbox: Mailbox): void {
    this.#queue.delete(mailbox);
    this.#inFlight.delete(mailbox);
    this.#forget(mailbox);
  }

  /** Asks for the mailbox soon; however often that is wanted, at most every few seconds. */
  hurry(mailbox: Mailbox): void {
    this.#askPromptly(mailbox, this.#clock.now() + HURRY);
  }

  /** The mailbox gets this turn, unless it has an earlier one or is asked for just now. */
  askBy(mailbox: Mailbox, turn: Turn): void {
    if ((this.#queue.dueOf(mailbox) ?? 0) <= turn.due) return;
    this.#queue.setTurn(mailbox, turn);
    this.#arm();
  }

  /**
   * The wall clock was set, or the machine slept: the timer starts anew.
   *
   * @param by how far it was set, in milliseconds; forth may be time that has passed, back never is
   * @param isDue whether a mailbox that is to be asked for at that instant is due at once instead
   */
  clockJumped(by: number, isDue: (mailbox: Mailbox, due: Instant) => boolean): void {
    this.#source.budget.clockJumped(this.#clock.now());
    if (by < 0) this.#queue.shift(by);
    // Their answers will be about a window around another now, and their next turns be reckoned from it.
    for (const mailbox of this.#inFlight) this.#changed.add(mailbox);
    for (const mailbox of this.#queue.mailboxes()) {
      if (isDue(mailbox, this.#queue.dueOf(mailbox) ?? 0)) this.#queue.setTurn(mailbox, calm(this.#options.random()));
    }
    this.#disarm();
    this.#arm();
  }

  /** The mailbox's calendar has changed, or may have. */
  #hint(mailbox: Mailbox): void {
    if (this.#inFlight.has(mailbox)) this.#changed.add(mailbox);
    else this.#askPromptly(mailbox, this.#clock.now() + this.#options.coalesce);
  }

  #askPromptly(mailbox: Mailbox, due: Instant): void {
    // In flight, or not watched: nothing to be sooner with.
    if ((this.#queue.dueOf(mailbox) ?? 0) <= due) return;
    this.#queue.setPrompt(mailbox, due);
    this.#arm();
  }

  /** @returns whether another source is asked for the mailbox from now on */
  #passOn(mailbox: Mailbox, error: CalendarSourceError): boolean {
    const step = this.#owner.stepAfter(mailbox, error);
    if (step === undefined) return false;
    this.unwatch(mailbox);
    this.#owner.passOn(mailbox, step);
    return true;
  }

  #forget(mailbox: Mailbox): void {
    this.#changed.delete(mailbox);
    this.#failures.delete(mailbox);
    this.#suspects.delete(mailbox);
    this.#source.changes?.unfollow(mailbox);
  }

  /** Sets the timer for the next moment at which there is something to do. */
  #arm(): void {
    if (this.#abort === undefined) return;
    const { budget } = this.#source;
    if (this.#requests === 0) this.#log.noteClosed();
    if (this.#queue.size === 0) return;
    const now = this.#clock.now();
    let open = Math.max(budget.notBefore, now);
    if (budget.closedBy !== undefined) open = now + MINUTE;
    else if (open <= now && budget.slots(now) === 0) {
      // The end of a request tells that there is room; where others use the account, a look now and then is safer.
      if (this.#requests > 0) return;
      open = now + MINUTE;
    }
    const at = Math.max(this.#queue.nextDue, open) + (this.#isBehind ? 0 : GATHER);
    if (at >= this.#timerAt) return;
    this.#disarm();
    this.#timerAt = at;
    this.#timer = this.#clock.after(at - now, () => {
      this.#disarm();
      this.#ask();
    });
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  #ask(): void {
    const signal = this.#abort?.signal;
    if (signal === undefined) return;
    const now = this.#clock.now();
    const { closedBy } = this.#source.budget;
    if (closedBy !== undefined) {
      for (const mailbox of this.#queue.mailboxes()) this.#passOn(mailbox, closedBy);
    }
    for (let room = this.#source.budget.slots(now); room > 0; room--) {
      if (this.#queue.nextDue > now) break;
      const batch = this.#takeBatch(now);
      for (const mailbox of batch) this.#inFlight.add(mailbox);
      // Its own failures are handled inside; it never rejects.
      void this.#request(batch, now, signal);
    }
    this.#isBehind = this.#queue.nextDue <= now;
    this.#arm();
  }

  #takeBatch(now: Instant): Mailbox[] {
    const batch = this.#queue.takeDue(now, this.#batchSize);
    const [only] = batch;
    if (batch.length > 1 || only === undefined || !this.#suspects.has(only)) return batch;
    // In company its failure is its own: the server answers for the other one.
    return this.#source.batchSize > 1 ? [only, ...this.#queue.takeNext()] : batch;
  }

  async #request(batch: readonly Mailbox[], at: Instant, signal: AbortSignal): Promise<void> {
    const { past, future } = this.#options.window;
    const window = { start: at - past, end: at + future };
    this.#requests++;
    try {
      const answers = await this.#source.freeBusy(batch, window, signal);
      if (!signal.aborted) await this.#answered(answers, at, window, signal);
    } catch (error) {
      if (!signal.aborted) this.#failed(batch, error);
    }
    this.#requests--;
    this.#arm();
  }

  async #answered(
    answers: readonly (FreeBusyAnswer | Referral)[],
    at: Instant,
    window: TimeWindow,
    signal: AbortSignal,
  ): Promise<void> {
    this.#log.answered();
    this.#batchSize = Math.min(this.#source.batchSize, 2 * this.#batchSize);
    const { share } = this.#owner;
    for (const answer of answers) {
      while (!share.take('periods' in answer ? answer.periods.length + 1 : 1)) {
        await share.next();
        if (signal.aborted) return;
      }
      // Not in flight any more: nobody watches it since.
      if (this.#inFlight.delete(answer.mailbox)) this.#take(answer, at, window);
    }
  }

  #take(answer: FreeBusyAnswer | Referral, at: Instant, window: TimeWindow): void {
    const { mailbox } = answer;
    if ('servedBy' in answer) {
      this.#forget(mailbox);
      this.#owner.refer(answer);
      return;
    }
    if ('error' in answer && this.#passOn(mailbox, answer.error)) return;
    // Whatever becomes of the answer: a mailbox that is not in the queue is never asked for again.
    this.#queue.setTurn(mailbox, calm(at + RETRY));
    this.#options.onAnswer(answer, at, window);
    // The answer was the end of its watching.
    if (this.#queue.dueOf(mailbox) === undefined) return;
    this.#queue.setTurn(mailbox, this.#nextAsk(answer, at));
    if (this.#changed.delete(mailbox)) this.#askPromptly(mailbox, this.#clock.now() + this.#options.coalesce);
  }

  #nextAsk(answer: FreeBusyAnswer, at: Instant): Turn {
    const { mailbox } = answer;
    const { refresh, refreshIdle, random } = this.#options;
    if (!('error' in answer)) {
      this.#failures.delete(mailbox);
      this.#suspects.delete(mailbox);
      return this.#owner.nextAsk(mailbox, at);
    }
    if (mayBeOneMailbox(answer.error)) this.#suspects.add(mailbox);
    const jitter = 0.9 + 0.2 * random();
    if (patientKinds.includes(answer.error.kind)) {
      return calm(at + Math.max(PATIENT_RETRY, refreshIdle) * jitter);
    }
    const failures = this.#failures.get(mailbox) ?? 0;
    this.#failures.set(mailbox, failures + 1);
    const pause = Math.max(Math.min(RETRY * 2 ** failures, refresh) * jitter, answer.error.retryAfter ?? 0);
    // Without the look-ahead it would be taken along again at once.
    return calm(at + lookAhead(this.#options).calm + pause);
  }

  #failed(all: readonly Mailbox[], error: unknown): void {
    const now = this.#clock.now();
    const batch = error instanceof CalendarSourceError ? this.#passOnAll(all, error) : all;
    if (error instanceof CalendarSourceError && error.kind === 'wrong-server') {
      // It has answered. Who stays was perhaps only in bad company, which is gone.
      if (batch.length < all.length) {
        this.#retry(batch, now);
        return;
      }
      this.#source.budget.failed(error, now);
    }
    // The budget's pause holds them back after the server's failures, this one after our own.
    const retry = error instanceof CalendarSourceError ? now : now + RETRY;
    // Two poisonous mailboxes in a batch make both its halves fail, and one that the server can't get to the end of is
    // not to be told from a server that hangs: in other and smaller company they come apart.
    const mayBeOne = mayBeOneMailbox(error);
    const isSilence = error instanceof CalendarSourceError && error.kind === 'unreachable';
    if (mayBeOne || isSilence) this.#batchSize = Math.ceil(this.#batchSize / 2);
    const [only] = batch;
    if (mayBeOne && batch.length === 1 && only !== undefined && this.#inFlight.has(only)) this.#suspects.add(only);
    this.#retry(batch, retry);
    this.#log.failed(error, now);
  }

  #retry(batch: readonly Mailbox[], at: Instant): void {
    for (const mailbox of batch) {
      this.#changed.delete(mailbox);
      if (this.#inFlight.delete(mailbox)) this.#queue.setTurn(mailbox, calm(at + this.#options.random()));
    }
  }

  /** @returns those that stay */
  #passOnAll(batch: readonly Mailbox[], error: CalendarSourceError): readonly Mailbox[] {
    return batch.filter((mailbox) => {
      // Not in flight any more: nobody watches it since.
      return !this.#inFlight.has(mailbox) || !this.#passOn(mailbox, error);
    });
  }
}

function calm(due: Instant): Turn {
  return { due, isNear: false };
}
