import { setMaxListeners } from 'node:events';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import { type Clock, MINUTE, SECOND, type Timer } from '../../../component/runtime/clock.ts';
import type { Logger } from '../../../component/runtime/logger.ts';
import { wait } from '../http/wait.ts';
import { isOfServer, type SpareSlots } from '../spare-slots.ts';
import { listen, type StreamContext, type StreamEnd } from './event-stream.ts';
import { GroupMembers, type Held } from './group-members.ts';
import { type Affinity, type SubscribeContext, subscribe, unsubscribe } from './subscribe.ts';

/**
 * Why a mailbox has left its group without being told to:
 * - `refused`: the server gives no subscription for it
 * - `misplaced`: its subscription came to be on another server than the group's
 * - `postponed`: no subscriptions are to be made now, or not as many
 */
export type Departure =
  | { readonly kind: 'refused'; readonly error: CalendarSourceError }
  | { readonly kind: 'misplaced' | 'postponed' };

/** Who made a group, as the group sees it. */
export interface GroupOwner {
  /** Whether subscriptions are to be made at present. */
  readonly isOpen: boolean;
  onChange(mailbox: Mailbox): void;
  /** The server gave a subscription. */
  accepted(): void;
  left(mailbox: Mailbox, why: Departure): void;
  /** The server allows fewer connections. */
  exceeded(group: SubscriptionGroup): void;
  /** The group has no mailbox any more. */
  ended(group: SubscriptionGroup): void;
}

export type GroupContext = {
  readonly requests: SubscribeContext;
  readonly streams: StreamContext;
  readonly slots: SpareSlots;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A number in [0, 1). */
  readonly random: () => number;
};

/** Mailboxes that come and go gather for this long before the stream is opened anew for them. */
const REGROUP_PAUSE = 20 * SECOND;
/** How many of a group's subscriptions are made at once. */
const PARALLEL = 2;
/** A stream that lived for this long does not belong to a row of failures. */
const LONG_ENOUGH = MINUTE;
const LONGEST_PAUSE = 5 * MINUTE;
/** After so many openings in a row that the server answered without listening, the subscriptions are in doubt. */
const MAX_VAIN_OPENINGS = 2;
/** The first failures are a moment's; with this one they are worth a line in the log. */
const FAILURES_TO_TELL = 3;
/** Half an hour is the most; not all streams shall end together. */
const minutesOfStream = (random: number) => 29 - Math.floor(random * 5);

/** How long to wait after so many failures in a row, in milliseconds: from about a second up to five minutes. */
export function groupPause(failures: number, random: number): number {
  return Math.min(LONGEST_PAUSE, SECOND * 2 ** (failures - 1)) * (0.75 + random / 2);
}

/**
 * At most 200 mailboxes whose subscriptions share one connection.
 *
 *     subscribing ──each has one──▶ listening ──closed as arranged──▶ listening
 *      ▲       ▲                        │
 *      │       └─ members came or went ─┤  (after a pause in which they gather; whoever went is unsubscribed)
 *      │                                │
 *      └─────────── waiting ◀── lost ───┘
 *
 * After a loss the stream is opened with the same subscriptions, for they outlive a connection by half an hour. The
 * server names those that it does not know any more: they are made anew (there is no watermark to resume from). All
 * are made anew when it answered twice without ever listening. Of whom something may have gone unheard meanwhile is
 * named as soon as the server listens again.
 *
 * The first mailbox of the alphabet is the anchor: in its name the connection is made, so that each group's is charged
 * to another mailbox, and to its server all requests of the group are led.
 */
export class SubscriptionGroup {
  /** What the mailboxes have in common, for the owner. */
  readonly key: string;
  readonly #context: GroupContext;
  readonly #owner: GroupOwner;
  readonly #members = new GroupMembers();
  #leavers: Held[] = [];
  readonly #stopping = new AbortController();
  #cookie: string | undefined;
  #failures = 0;
  #vainOpenings = 0;
  #timesTooMany = 0;
  #hasWarned = false;
  #stream: AbortController | undefined;
  #regroupTimer: Timer | undefined;
  #done: Promise<void> | undefined;

  constructor(context: GroupContext, owner: GroupOwner, key: string) {
    this.#context = context;
    this.#owner = owner;
    this.key = key;
  }

  get size(): number {
    return this.#members.size;
  }

  /** How many of the mailboxes are subscribed. */
  get heldCount(): number {
    return this.#members.heldCount;
  }

  join(mailboxes: readonly Mailbox[]): void {
    for (const mailbox of mailboxes) this.#members.add(mailbox);
    this.#regroupIn(REGROUP_PAUSE);
    this.#done ??= this.#run();
  }

  leave(mailbox: Mailbox): void {
    const held = this.#members.remove(mailbox);
    if (held !== undefined) this.#leavers.push(held);
    this.#regroupIn(REGROUP_PAUSE);
  }

  /** Lets so many mailboxes go, the latest first: they are `postponed`. */
  release(count: number): void {
    for (const mailbox of this.#members.mailboxes.slice(-count)) {
      this.leave(mailbox);
      this.#owner.left(mailbox, { kind: 'postponed' });
    }
    this.#regroupIn(0);
  }

  /** Ends the stream; then gives all subscriptions back through `slots`, until that is done or the signal fires. */
  async stop(slots: SpareSlots, signal: AbortSignal): Promise<void> {
    const affinity = this.#affinity();
    this.#regroupTimer?.cancel();
    this.#stopping.abort(ourWish());
    await this.#done;
    if (affinity === undefined) return;
    const hopeless = new AbortController();
    const ended = AbortSignal.any([signal, hopeless.signal]);
    // Each of 200 waits for its turn.
    setMaxListeners(0, ended);
    const giveBack = async ({ mailbox, id }: Held) => {
      try {
        await slots.run(ended, () => unsubscribe(this.#context.requests, mailbox, id, affinity, ended));
      } catch (error) {
        if (!(error instanceof CalendarSourceError) || isOfServer(error)) hopeless.abort(error);
      }
    };
    await Promise.all([...this.#leavers, ...this.#members.held].map(giveBack));
  }

  /** Never rejects: whatever happens, the owner learns that the group has ended. */
  async #run(): Promise<void> {
    const { clock, random, logger } = this.#context;
    const { signal } = this.#stopping;
    try {
      while (this.#members.size > 0 || this.#leavers.length > 0) {
        await this.#unsubscribeLeavers();
        let trouble = await this.#subscribeMissing();
        // Some may have left meanwhile: the next stream is not for them.
        if (trouble === undefined && this.#leavers.length === 0) trouble = await this.#listen();
        if (trouble === undefined) continue;
        const pause = Math.max(groupPause(++this.#failures, random()), trouble.retryAfter ?? 0);
        const facts = { kind: trouble.kind, code: trouble.code, mailboxes: this.size, milliseconds: Math.round(pause) };
        // What holds up everybody is told by those who ask for free/busy.
        if (this.#failures >= FAILURES_TO_TELL && !this.#context.slots.isHeldUp && !this.#hasWarned) {
          this.#hasWarned = true;
          logger.warn('Change notifications fail for a group of mailboxes; tried again later', facts);
        } else logger.debug('A notification stream failed', facts);
        await wait(clock, pause, signal);
      }
    } catch (error) {
      if (!signal.aborted) logger.error('A group of change notifications failed', { error });
    }
    if (signal.aborted) return;
    for (const mailbox of this.#members.mailboxes) {
      this.#members.remove(mailbox);
      this.#owner.left(mailbox, { kind: 'postponed' });
    }
    this.#owner.ended(this);
  }

  /** Best effort: a subscription that nobody listens to ends by itself after half an hour. */
  async #unsubscribeLeavers(): Promise<void> {
    const { slots, requests } = this.#context;
    const { signal } = this.#stopping;
    for (let held = this.#leavers[0]; held !== undefined; held = this.#leavers[0]) {
      const { mailbox, id } = held;
      const affinity = this.#affinity() ?? { anchor: mailbox, cookie: this.#cookie };
      try {
        await slots.run(signal, () => unsubscribe(requests, mailbox, id, affinity, signal));
        this.#leavers.shift();
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof CalendarSourceError)) throw error;
        if (isOfServer(error)) this.#leavers = [];
        else this.#leavers.shift();
      }
    }
  }

  /** The anchor's subscription first: its answer has the cookie that leads the others to the same server. */
  async #subscribeMissing(): Promise<CalendarSourceError | undefined> {
    for (;;) {
      const { missing, anchor } = this.#members;
      if (missing.length === 0) return undefined;
      const queue = missing[0] === anchor ? missing.slice(0, 1) : missing;
      let trouble: CalendarSourceError | undefined;
      const work = async () => {
        for (let next = queue.shift(); next !== undefined && trouble === undefined; next = queue.shift()) {
          trouble ??= await this.#subscribe(next);
        }
      };
      await Promise.all(Array.from({ length: PARALLEL }, work));
      if (trouble !== undefined) return trouble;
    }
  }

  async #subscribe(mailbox: Mailbox): Promise<CalendarSourceError | undefined> {
    const { slots, requests } = this.#context;
    const { signal } = this.#stopping;
    const affinity = this.#affinity();
    if (affinity === undefined || !this.#members.has(mailbox)) return undefined;
    if (!this.#owner.isOpen) {
      this.#depart(mailbox, { kind: 'postponed' });
      return undefined;
    }
    try {
      const { id, cookie } = await slots.run(signal, () => subscribe(requests, mailbox, affinity, signal));
      if (mailbox === affinity.anchor) this.#cookie = cookie ?? this.#cookie;
      if (this.#members.has(mailbox)) this.#members.subscribed({ mailbox, id });
      else this.#leavers.push({ mailbox, id });
      this.#owner.accepted();
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof CalendarSourceError)) throw error;
      if (isOfServer(error)) return error;
      this.#depart(mailbox, { kind: 'refused', error });
      return undefined;
    }
  }

  /** One stream, from its opening to its end. */
  async #listen(): Promise<CalendarSourceError | undefined> {
    const { clock, streams, random } = this.#context;
    const ids = this.#members.held.map(({ id }) => id);
    const affinity = this.#affinity();
    if (ids.length === 0 || affinity === undefined) return undefined;
    this.#stream = new AbortController();
    let isCalm = false;
    let calm: Timer | undefined;
    try {
      const end = await listen(streams, {
        ids,
        affinity,
        minutes: minutesOfStream(random()),
        signal: AbortSignal.any([this.#stopping.signal, this.#stream.signal]),
        onHeard: () => {
          this.#heard();
          // Not from the opening on: one that waits, or stays silent, is no success.
          calm = clock.after(LONG_ENOUGH, () => {
            isCalm = true;
            this.#recovered();
          });
        },
        onChanged: (id) => this.#changed(id),
      });
      return this.#ended(end, isCalm);
    } catch (error) {
      this.#stopping.signal.throwIfAborted();
      // It was ours to end it, for others to come in; but what was on its way may be lost.
      if (!this.#stream.signal.aborted) throw error;
      this.#members.missedSomething();
      return undefined;
    } finally {
      calm?.cancel();
      this.#regroupTimer?.cancel();
      this.#regroupTimer = this.#stream = undefined;
    }
  }

  #heard(): void {
    this.#vainOpenings = 0;
    this.#timesTooMany = 0;
    for (const mailbox of this.#members.heard()) this.#owner.onChange(mailbox);
  }

  #changed(id: string): void {
    const mailbox = this.#members.mailboxOf(id);
    if (mailbox !== undefined) this.#owner.onChange(mailbox);
  }

  #recovered(): void {
    if (this.#hasWarned) this.#context.logger.info('Change notifications are heard again', { mailboxes: this.size });
    this.#hasWarned = false;
    this.#failures = 0;
  }

  /** What a stream's end means for the subscriptions; returns the trouble, if it was any. */
  #ended(end: StreamEnd, isCalm: boolean): CalendarSourceError | undefined {
    if (end.kind === 'closed') {
      if (isCalm) return undefined;
      return new CalendarSourceError('throttled', 'A notification stream was closed at once');
    }
    this.#members.missedSomething();
    switch (end.kind) {
      case 'unknown-subscriptions':
        this.#forget(end.ids);
        return new CalendarSourceError('malformed', 'Exchange does not know the subscriptions any more');
      case 'too-many':
        // The first one may have met many requests at once, which count too.
        if (++this.#timesTooMany > 1) this.#owner.exceeded(this);
        return new CalendarSourceError('throttled', 'Exchange allows fewer notification streams', {
          ...(end.retryAfter !== undefined && { retryAfter: end.retryAfter }),
        });
      case 'lost':
        if (isOfServer(end.error) && end.error.code !== 'SILENCE') return end.error;
        // Once: when new ones do no better, it is not the subscriptions.
        if (++this.#vainOpenings === MAX_VAIN_OPENINGS) this.#forget(new Set(this.#members.held.map(({ id }) => id)));
        return end.error;
    }
  }

  /** Subscriptions that are gone are made anew; those that never were where the others are, elsewhere. */
  #forget(ids: ReadonlySet<string>): void {
    const isPartial = ids.size < this.#members.heldCount;
    for (const id of ids) {
      const mailbox = this.#members.mailboxOf(id);
      if (mailbox === undefined) continue;
      const isMisplaced = isPartial && this.#members.isFresh(id) && mailbox !== this.#members.anchor;
      this.#members.forget(id);
      if (isMisplaced) this.#depart(mailbox, { kind: 'misplaced' });
    }
    if (!isPartial) this.#cookie = undefined;
  }

  #depart(mailbox: Mailbox, why: Departure): void {
    this.#members.remove(mailbox);
    this.#owner.left(mailbox, why);
  }

  #affinity(): Affinity | undefined {
    const { anchor } = this.#members;
    return anchor === undefined ? undefined : { anchor, cookie: this.#cookie };
  }

  /** Has the present stream, if there is one, make way for one with the right mailboxes. */
  #regroupIn(pause: number): void {
    if (this.#stream === undefined || (this.#regroupTimer !== undefined && pause > 0)) return;
    this.#regroupTimer?.cancel();
    this.#regroupTimer = this.#context.clock.after(pause, () => {
      this.#regroupTimer = undefined;
      this.#stream?.abort(ourWish());
    });
  }
}

/** Why a request of ours is given up by ourselves: no CalendarSourceError, for it is no trouble of the server. */
function ourWish(): Error {
  return new DOMException('The notification stream was ended', 'AbortError');
}
