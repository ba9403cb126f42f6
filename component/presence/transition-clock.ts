import type { Mailbox } from '../directory/directory.ts';
import { type Clock, type Instant, SECOND, type Timer } from '../runtime/clock.ts';
import { DueQueue } from '../runtime/due-queue.ts';

/**
 * The longest sleep. Timers count elapsed time; the wall clock may be set, and neither runs while the machine is
 * suspended: waking once a second bounds how long any of these can hide a transition.
 */
const LONGEST_SLEEP = SECOND;
/** Mailboxes in a turn of the event loop, 5 to 10 µs each (measured): at nine o'clock all of them are due. */
const MOST_IN_A_TURN = 250;
/** A wall clock that is further than this from where the sleep should have led was set, or slept. */
const JUMP = 2 * SECOND;

export type TransitionClockOptions = {
  readonly clock: Clock;
  /** Called once for each mailbox that is due. */
  readonly onDue: (mailbox: Mailbox, now: Instant) => void;
  /** Called instead when the wall clock jumped, by so many milliseconds: every mailbox may show something else now. */
  readonly onJump: (now: Instant, by: number) => void;
};

/** Wakes at each mailbox's next transition: one timer for all of them, and the wall clock has the last word. */
export class TransitionClock {
  readonly #options: TransitionClockOptions;
  readonly #clock: Clock;
  readonly #due = new DueQueue<Mailbox>();
  #running = false;
  #timer: Timer | undefined;
  #sleptAt: Instant = Number.NEGATIVE_INFINITY;
  #wakeAt: Instant = Number.POSITIVE_INFINITY;

  constructor(options: TransitionClockOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  start(): void {
    this.#running = true;
    this.#sleep();
  }

  stop(): void {
    this.#running = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Wakes for the mailbox at `due`, and no longer at an earlier setting; undefined: not at all. */
  set(mailbox: Mailbox, due: Instant | undefined): void {
    if (due === undefined) {
      this.#due.delete(mailbox);
      return;
    }
    this.#due.set(mailbox, due);
    // Another sleep would begin by the new time, and hide the jump from the wake that is to come within a second.
    if (this.#running && due < this.#wakeAt && !this.#hasJumped(this.#clock.now())) this.#sleep();
  }

  #sleep(): void {
    this.#timer?.cancel();
    const now = this.#clock.now();
    const delay = Math.min(LONGEST_SLEEP, Math.max(0, (this.#due.nextDue ?? Number.POSITIVE_INFINITY) - now));
    this.#sleptAt = now;
    this.#wakeAt = now + delay;
    this.#timer = this.#clock.after(delay, () => this.#wake());
  }

  /** Whether it is no time that a sleep of `#sleptAt` until `#wakeAt` could come to. */
  #hasJumped(now: Instant): boolean {
    return now < this.#sleptAt - JUMP || now > this.#wakeAt + JUMP;
  }

  #wake(): void {
    const now = this.#clock.now();
    if (Math.abs(now - this.#wakeAt) > JUMP) this.#options.onJump(now, now - this.#wakeAt);
    for (let count = 0; count < MOST_IN_A_TURN; count++) {
      const mailbox = this.#due.takeDue(now);
      if (mailbox === undefined) break;
      this.#options.onDue(mailbox, now);
    }
    // What is still due is so after no sleep at all.
    if (this.#running) this.#sleep();
  }
}
