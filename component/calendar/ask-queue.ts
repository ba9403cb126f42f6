import type { Mailbox } from '../directory/directory.ts';
import type { Instant } from '../runtime/clock.ts';
import { DueQueue } from '../runtime/due-queue.ts';
import type { Turn } from './pace.ts';

/** How long before their turns mailboxes may be taken along to fill a request, in milliseconds. */
export type LookAhead = { readonly calm: number; readonly near: number };

/**
 * Which mailboxes are to be asked for, and when; each is in it once. Most have a turn, and may be taken along a little
 * before it; some are asked for promptly: before all others, and not sooner than said.
 */
export class AskQueue {
  readonly #lookAhead: LookAhead;
  readonly #calm = new DueQueue<Mailbox>();
  readonly #near = new DueQueue<Mailbox>();
  readonly #prompt = new DueQueue<Mailbox>();

  constructor(lookAhead: LookAhead) {
    this.#lookAhead = lookAhead;
  }

  get size(): number {
    return this.#calm.size + this.#near.size + this.#prompt.size;
  }

  get nextDue(): Instant {
    const never = Number.POSITIVE_INFINITY;
    return Math.min(this.#calm.nextDue ?? never, this.#near.nextDue ?? never, this.#prompt.nextDue ?? never);
  }

  dueOf(mailbox: Mailbox): Instant | undefined {
    return this.#calm.dueOf(mailbox) ?? this.#near.dueOf(mailbox) ?? this.#prompt.dueOf(mailbox);
  }

  setTurn(mailbox: Mailbox, { due, isNear }: Turn): void {
    this.#set(isNear ? this.#near : this.#calm, mailbox, due);
  }

  setPrompt(mailbox: Mailbox, due: Instant): void {
    this.#set(this.#prompt, mailbox, due);
  }

  delete(mailbox: Mailbox): void {
    for (const queue of [this.#calm, this.#near, this.#prompt]) queue.delete(mailbox);
  }

  /** The wall clock was set by so many milliseconds: what was to be asked for after some time still is. */
  shift(by: number): void {
    for (const queue of [this.#calm, this.#near, this.#prompt]) {
      for (const mailbox of [...queue.keys()]) queue.set(mailbox, (queue.dueOf(mailbox) as Instant) + by);
    }
  }

  mailboxes(): Mailbox[] {
    return [...this.#prompt.keys(), ...this.#near.keys(), ...this.#calm.keys()];
  }

  /** Takes out at most `most` mailboxes: what is due at `now`, and then what may be taken along. */
  takeDue(now: Instant, most: number): Mailbox[] {
    const batch: Mailbox[] = [];
    while (batch.length < most) {
      const mailbox = this.#prompt.takeDue(now) ?? this.#takeTurn(now);
      if (mailbox === undefined) break;
      batch.push(mailbox);
    }
    return batch;
  }

  /** Takes out the one whose turn comes next, however far off that is; none while there are only prompt ones. */
  takeNext(): Mailbox[] {
    const next = this.#takeTurn(Number.POSITIVE_INFINITY);
    return next === undefined ? [] : [next];
  }

  /** The one that waits longest comes first: where there is more to do than can be done, nobody is left out. */
  #takeTurn(now: Instant): Mailbox | undefined {
    const isNearFirst = (this.#near.nextDue ?? Number.POSITIVE_INFINITY) <= (this.#calm.nextDue ?? now);
    const near = () => this.#near.takeDue(now + this.#lookAhead.near);
    const calm = () => this.#calm.takeDue(now + this.#lookAhead.calm);
    return isNearFirst ? (near() ?? calm()) : (calm() ?? near());
  }

  #set(into: DueQueue<Mailbox>, mailbox: Mailbox, due: Instant): void {
    for (const queue of [this.#calm, this.#near, this.#prompt]) if (queue !== into) queue.delete(mailbox);
    into.set(mailbox, due);
  }
}
