import type { Mailbox } from '../directory/directory.ts';
import { type Clock, type Instant, MINUTE, SECOND, type Timer } from '../runtime/clock.ts';
import { DueQueue } from '../runtime/due-queue.ts';
import type { Logger } from '../runtime/logger.ts';
import type { CalendarSource, FreeBusyAnswer } from './calendar-source.ts';
import { CalendarSourceError } from './calendar-source-error.ts';
import type { TimeWindow } from './timeline.ts';

export type LaneOptions = {
  readonly clock: Clock;
  readonly logger: Logger;
  /** A number in [0, 1): spreads the requests. */
  readonly random: () => number;
  /** How long a timeline is good for before it is asked for anew, in milliseconds. */
  readonly refresh: number;
  /** How far around now is asked, in milliseconds. */
  readonly window: { readonly past: number; readonly future: number };
  /** Receives each mailbox's answer, with the instant of the request and the window it asked about. */
  readonly onAnswer: (answer: FreeBusyAnswer, at: Instant, window: TimeWindow) => void;
};

/** Look-ups that come within this time travel in one request. */
const GATHER = 25;
/** The pause before a mailbox whose own answer was an error is asked again, unless refreshing comes sooner. */
const RETRY = 30 * SECOND;
/** The same for errors that only an administrator or time can mend. */
const PATIENT_RETRY = 30 * MINUTE;
/** How long somebody who waits for a mailbox has to wait until it is asked for again. */
const HURRY = 3 * SECOND;
/** A request takes along what is due within this share of `refresh`: fuller requests, fewer of them. */
const LOOK_AHEAD = 0.1;

/** The requests to one server: what is due, what is in flight, and when the server may be asked next. */
export class SourceLane {
  readonly #source: CalendarSource;
  readonly #options: LaneOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #due = new DueQueue<Mailbox>();
  readonly #inFlight = new Set<Mailbox>();
  #abort: AbortController | undefined;
  #timer: Timer | undefined;
  #timerAt: Instant = Number.POSITIVE_INFINITY;
  #inTrouble = false;

  constructor(source: CalendarSource, options: LaneOptions) {
    this.#source = source;
    this.#options = options;
    this.#clock = options.clock;
    this.#logger = options.logger.child({ server: source.name });
  }

  start(): void {
    this.#abort = new AbortController();
    this.#arm();
  }

  stop(): void {
    this.#abort?.abort();
    this.#abort = undefined;
    this.#disarm();
  }

  watch(mailbox: Mailbox, fetchedAt: Instant | undefined): void {
    const now = this.#clock.now();
    // What was fetched in the future is from before the clock was set back: waiting for it could take hours.
    const isGood = fetchedAt !== undefined && fetchedAt <= now;
    this.#due.set(mailbox, isGood ? Math.max(now, fetchedAt + this.#jittered()) : now);
    this.#arm();
  }

  unwatch(mailbox: Mailbox): void {
    this.#due.delete(mailbox);
    this.#inFlight.delete(mailbox);
  }

  /** Asks for the mailbox soon; however often that is wanted, at most every few seconds. */
  hurry(mailbox: Mailbox): void {
    const soon = this.#clock.now() + HURRY;
    if ((this.#due.dueOf(mailbox) ?? 0) <= soon) return;
    this.#due.set(mailbox, soon);
    this.#arm();
  }

  /** The wall clock was set, or the machine slept: what would now wait too long is due, and the timer starts anew. */
  clockJumped(mailboxes: Iterable<Mailbox>): void {
    const now = this.#clock.now();
    this.#source.budget.clockJumped(now);
    for (const mailbox of mailboxes) {
      const due = this.#due.dueOf(mailbox);
      if (due !== undefined && due > now + 1.1 * this.#options.refresh) this.#due.set(mailbox, now);
    }
    this.#disarm();
    this.#arm();
  }

  /** Sets the timer for the next moment at which there is something to do. */
  #arm(): void {
    const due = this.#due.nextDue;
    if (this.#abort === undefined || due === undefined) return;
    const { budget } = this.#source;
    const now = this.#clock.now();
    const open = budget.closedBy === undefined ? budget.notBefore : now + MINUTE;
    // Without a slot it is the end of a request that goes on.
    if (budget.slots(now) === 0 && open <= now) return;
    const at = Math.max(due, open, now) + GATHER;
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
    while ((this.#due.nextDue ?? Number.POSITIVE_INFINITY) <= now && this.#source.budget.slots(now) > 0) {
      const batch = this.#takeBatch(now);
      // Its own failures are handled inside; it never rejects.
      void this.#request(batch, now, signal);
    }
    this.#arm();
  }

  #takeBatch(now: Instant): Mailbox[] {
    const horizon = now + LOOK_AHEAD * this.#options.refresh;
    const batch: Mailbox[] = [];
    while (batch.length < this.#source.batchSize) {
      const mailbox = this.#due.takeDue(horizon);
      if (mailbox === undefined) break;
      this.#inFlight.add(mailbox);
      batch.push(mailbox);
    }
    return batch;
  }

  async #request(batch: readonly Mailbox[], at: Instant, signal: AbortSignal): Promise<void> {
    const { past, future } = this.#options.window;
    const window = { start: at - past, end: at + future };
    try {
      const answers = await this.#source.freeBusy(batch, window, signal);
      if (!signal.aborted) this.#answered(answers, at, window);
    } catch (error) {
      if (!signal.aborted) this.#failed(batch, error);
    }
    this.#arm();
  }

  #answered(answers: readonly FreeBusyAnswer[], at: Instant, window: TimeWindow): void {
    if (this.#inTrouble) this.#logger.info('The Exchange server answers again');
    this.#inTrouble = false;
    for (const answer of answers) {
      // Not in flight any more: nobody watches it since.
      if (!this.#inFlight.delete(answer.mailbox)) continue;
      this.#due.set(answer.mailbox, at + this.#pauseAfter(answer));
      this.#options.onAnswer(answer, at, window);
    }
  }

  #pauseAfter(answer: FreeBusyAnswer): number {
    if (!('error' in answer)) return this.#jittered();
    const { kind } = answer.error;
    const patient = kind === 'mailbox-not-found' || kind === 'access-denied';
    const { refresh } = this.#options;
    // Looking ahead would take it along again at once.
    const soon = Math.min(RETRY + LOOK_AHEAD * refresh, refresh);
    const pause = patient ? Math.max(PATIENT_RETRY, refresh) : soon;
    return pause * (0.9 + 0.2 * this.#options.random());
  }

  #failed(batch: readonly Mailbox[], error: unknown): void {
    const now = this.#clock.now();
    // The budget's pause holds them back after the server's failures, this one after our own.
    const retry = error instanceof CalendarSourceError ? now : now + RETRY;
    for (const mailbox of batch) if (this.#inFlight.delete(mailbox)) this.#due.set(mailbox, retry);
    this.#explain(error);
    this.#inTrouble = true;
  }

  /** One line when the trouble begins, one when it is final; the rest is for those who look closer. */
  #explain(error: unknown): void {
    const { closedBy, notBefore } = this.#source.budget;
    const retryInMs = Math.max(0, Math.round(notBefore - this.#clock.now()));
    const fields =
      error instanceof CalendarSourceError ? { kind: error.kind, code: error.code, reason: error.message } : { error };
    if (closedBy === undefined) {
      const [level, message] = this.#inTrouble
        ? (['debug', 'The Exchange server still gives no answer'] as const)
        : (['warn', 'The Exchange server gives no answer'] as const);
      this.#logger[level](message, { ...fields, retryInMs });
    } else if (closedBy === error) {
      const what =
        closedBy.kind === 'unauthorized'
          ? 'The Exchange server has refused the password three times and is not asked any more, lest the account be ' +
            'locked: mend the password, then restart the gateway'
          : 'The Exchange server is blocked and not asked any more: see the reason, then restart the gateway';
      this.#logger.error(what, fields);
    }
  }

  #jittered(): number {
    return this.#options.refresh * (0.9 + 0.2 * this.#options.random());
  }
}
