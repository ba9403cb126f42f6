import { setMaxListeners } from 'node:events';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import { MINUTE, SECOND, type Timer } from '../../../component/runtime/clock.ts';
import { wait } from '../http/wait.ts';
import { isOfServer, type SpareSlots } from '../spare-slots.ts';
import { listen, type StreamEnd } from './event-stream.ts';
import { GroupMembers, type Held } from './group-members.ts';
import type { Departure, GroupContext, GroupOwner } from './group-owner.ts';
import { giveBack, Leavers } from './leavers.ts';
import { type Affinity, subscribe } from './subscribe.ts';

/** Mailboxes that come and go gather for this long before the stream is opened anew for them. */
const REGROUP_PAUSE = 20 * SECOND;
/** How many of a group's subscriptions are made at once. */
const PARALLEL = 2;
/** A stream that lived for this long does not belong to a row of failures. */
const LONG_ENOUGH = MINUTE;
const LONGEST_PAUSE = 5 * MINUTE;
/** After so many openings in a row that the server answered without listening, the subscriptions are in doubt. */
const MAX_VAIN_OPENINGS = 2;
/** A connection is charged to its anchor's account, where others may have used up what it has: so many are tried. */
const MOST_ANCHORS = 3;
/** A subscription that was lost so often within an hour costs the others more than it is worth. */
const MOST_LOSSES = 4;
/** One is heard, and all together are not, so often: they are tried at this pace. */
const MOST_RELAPSES = 2;
const RETRIAL_PAUSE = 30 * MINUTE;
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
 * server names those that it does not know any more: they are made anew (there is no watermark to resume from). Of
 * whom something may have gone unheard meanwhile is named as soon as the server listens again. When it answered twice
 * without ever listening, or names none of ours, all are in doubt: they are given back, and one alone is made anew; the
 * others follow when it is heard. Where other groups are heard meanwhile, the members are let go after some trials.
 *
 * The first mailbox of the alphabet is the anchor: in its name the connection is made, so that each group's is charged
 * to another mailbox, and to its server all requests of the group are led. Where its account is used up another one
 * takes its place.
 */
export class SubscriptionGroup {
  /** What the mailboxes have in common, for the owner. */
  readonly key: string;
  readonly #context: GroupContext;
  readonly #owner: GroupOwner<SubscriptionGroup>;
  readonly #members = new GroupMembers();
  readonly #leavers: Leavers;
  readonly #stopping = new AbortController();
  /** Ends what must not be left half-done when the group stops: an answer to Subscribe has what is to be given back. */
  readonly #cutOff = new AbortController();
  #cookie: string | undefined;
  #failures = 0;
  #vainOpenings = 0;
  #timesTooMany = 0;
  /** How many have been subscribed alone, one after the other, to see whether one is ever heard; 0: all are subscribed. */
  #trials = 0;
  /** How often all were in doubt since they were heard together for a while. */
  #relapses = 0;
  #isHeard = false;
  #hasWarned = false;
  #stream: AbortController | undefined;
  #regroupTimer: Timer | undefined;
  #done: Promise<void> | undefined;

  constructor(context: GroupContext, owner: GroupOwner<SubscriptionGroup>, key: string) {
    this.#context = context;
    this.#owner = owner;
    this.key = key;
    this.#leavers = new Leavers(context.requests);
  }

  get size(): number {
    return this.#members.size;
  }

  /** How many of the mailboxes are subscribed. */
  get heldCount(): number {
    return this.#members.heldCount;
  }

  /** Whether the server listens for the group. */
  get isHeard(): boolean {
    return this.#isHeard;
  }

  join(mailboxes: readonly Mailbox[]): void {
    for (const mailbox of mailboxes) this.#members.add(mailbox);
    this.#regroupIn(REGROUP_PAUSE);
    this.#done ??= this.#run();
  }

  leave(mailbox: Mailbox): void {
    const held = this.#members.remove(mailbox);
    if (held !== undefined) this.#leavers.add(held);
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

  /** Ends the stream and gives all subscriptions back through `slots`, until that is done or the signal fires. */
  async stop(slots: SpareSlots, signal: AbortSignal): Promise<void> {
    this.#regroupTimer?.cancel();
    this.#stopping.abort(ourWish());
    const hopeless = new AbortController();
    const ended = AbortSignal.any([signal, hopeless.signal]);
    // Each of 200 waits for its turn.
    setMaxListeners(0, ended);
    const cutOff = () => this.#cutOff.abort(ourWish());
    if (ended.aborted) cutOff();
    else ended.addEventListener('abort', cutOff, { once: true });
    const returned = new Set<string>();
    const tryOnce = async (held: Held) => {
      if (returned.has(held.id)) return;
      returned.add(held.id);
      try {
        await giveBack(this.#context.requests, held, slots, ended);
      } catch (error) {
        if (!(error instanceof CalendarSourceError) || isOfServer(error)) hopeless.abort(error);
      }
    };
    const giveAllBack = () => Promise.all([...this.#leavers.all, ...this.#members.held].map(tryOnce));
    await Promise.all([this.#done, giveAllBack()]);
    // What was being subscribed.
    await giveAllBack();
  }

  /** Never rejects: whatever happens, the owner learns that the group has ended. */
  async #run(): Promise<void> {
    const { clock, random, logger, slots } = this.#context;
    const { signal } = this.#stopping;
    try {
      while (this.#members.size > 0 || this.#leavers.size > 0) {
        let trouble = (await this.#leavers.giveBack(slots, signal)) ?? (await this.#subscribeMissing());
        // Some may have left meanwhile: the next stream is not for them.
        if (trouble === undefined && this.#leavers.size === 0) trouble = await this.#listen();
        if (trouble === undefined) continue;
        const pause = Math.max(groupPause(++this.#failures, random()), trouble.retryAfter ?? 0);
        const facts = { kind: trouble.kind, code: trouble.code, mailboxes: this.size, milliseconds: Math.round(pause) };
        // What holds up everybody is told by those who ask for free/busy.
        if (this.#failures >= FAILURES_TO_TELL && this.size > 0 && !slots.isHeldUp && !this.#hasWarned) {
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

  /** The anchor's subscription first: its answer has the cookie that leads the others to the same server. */
  async #subscribeMissing(): Promise<CalendarSourceError | undefined> {
    for (;;) {
      const { missing, anchor } = this.#members;
      if (missing.length === 0) return undefined;
      const isAnchorMissing = missing[0] === anchor;
      if (this.#trials > 0 && !isAnchorMissing) return undefined;
      const queue = isAnchorMissing ? missing.slice(0, 1) : missing;
      let trouble: CalendarSourceError | undefined;
      const work = async () => {
        for (let next = queue.shift(); next !== undefined && trouble === undefined; next = queue.shift()) {
          trouble ??= await this.#subscribe(next);
        }
      };
      const done = await Promise.allSettled(Array.from({ length: PARALLEL }, work));
      for (const one of done) if (one.status === 'rejected') throw one.reason as Error;
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
      const cutOff = this.#cutOff.signal;
      const { id, cookie } = await slots.run(signal, () => subscribe(requests, mailbox, affinity, cutOff));
      if (mailbox === affinity.anchor) this.#cookie = cookie ?? this.#cookie;
      const held = { mailbox, id, affinity: { anchor: affinity.anchor, cookie: this.#cookie } };
      if (this.#members.has(mailbox)) this.#members.subscribed(held);
      else this.#leavers.add(held);
      if (!signal.aborted) this.#owner.accepted();
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
      this.#isHeard = false;
    }
  }

  #heard(): void {
    this.#vainOpenings = 0;
    this.#timesTooMany = 0;
    this.#isHeard = true;
    if (this.#trials > 0) this.#regroupIn(this.#relapses > MOST_RELAPSES ? RETRIAL_PAUSE : 0);
    this.#trials = 0;
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
    if (this.#members.missing.length === 0) this.#relapses = 0;
  }

  /** What a stream's end means for the subscriptions; returns the trouble, if it was any. */
  #ended(end: StreamEnd, isCalm: boolean): CalendarSourceError | undefined {
    if (end.kind === 'closed') {
      if (isCalm) return undefined;
      return new CalendarSourceError('throttled', 'A notification stream was closed at once');
    }
    this.#isHeard = false;
    this.#members.missedSomething();
    switch (end.kind) {
      case 'unknown-subscriptions':
        this.#lost(end.ids);
        return new CalendarSourceError('malformed', 'Exchange does not know the subscriptions any more');
      case 'too-many':
        // The subscriptions stay where they are: the cookie still leads there.
        this.#members.passAnchor();
        if (++this.#timesTooMany >= MOST_ANCHORS) this.#owner.tooMany(this);
        return end.error;
      case 'lost':
        if (isOfServer(end.error) && end.error.code !== 'SILENCE') return end.error;
        // Once: when new ones do no better, it is not the subscriptions.
        if (++this.#vainOpenings === MAX_VAIN_OPENINGS) this.#putOnTrial();
        return end.error;
    }
  }

  /** Subscriptions that are gone are made anew; those that never were where the others are, elsewhere. */
  #lost(ids: ReadonlySet<string>): void {
    const members = this.#members;
    const lost = members.held.filter(({ id }) => ids.has(id));
    const isPartial = lost.length < members.heldCount;
    // It names other people's, or all, and some that it has just given: then new ones are likely to do no better.
    if (lost.length === 0 || (!isPartial && lost.some(({ id }) => members.isFresh(id)))) {
      for (const { id } of lost) members.forget(id);
      this.#putOnTrial();
      // Others are heard: so it is neither the server nor the anchors that were tried.
      if (this.#trials <= Math.min(MOST_ANCHORS, members.size) || !this.#owner.isHeard) return;
      for (const mailbox of members.mailboxes) this.#depart(mailbox, { kind: 'fickle' });
      return;
    }
    if (!isPartial) this.#cookie = undefined;
    for (const { mailbox, id } of lost) {
      const isFresh = members.isFresh(id);
      members.forget(id);
      if (!isPartial) continue;
      if (isFresh && mailbox !== members.anchor) this.#depart(mailbox, { kind: 'misplaced' });
      else if (members.countLoss(mailbox, this.#context.clock.now()) >= MOST_LOSSES) {
        this.#depart(mailbox, { kind: 'fickle' });
      }
    }
  }

  /** All subscriptions are in doubt: one alone, of another mailbox, is made anew until a stream with it was heard. */
  #putOnTrial(): void {
    this.#leavers.add(...this.#members.takeHeld());
    if (this.#trials++ === 0) this.#relapses++;
    this.#cookie = undefined;
    this.#members.passAnchor();
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
