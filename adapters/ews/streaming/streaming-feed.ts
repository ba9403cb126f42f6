import type { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { ChangeFeed } from '../../../component/calendar/change-feed.ts';
import type { RequestBudget } from '../../../component/calendar/request-budget.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import { type Clock, HOUR, MINUTE, SECOND, type Timer } from '../../../component/runtime/clock.ts';
import { DueQueue } from '../../../component/runtime/due-queue.ts';
import type { Logger } from '../../../component/runtime/logger.ts';
import type { EwsTransport } from '../http/ews-transport.ts';
import { SpareSlots } from '../spare-slots.ts';
import { MAX_SUBSCRIPTIONS } from './get-streaming-events.ts';
import { planGroups } from './group-plan.ts';
import { type Departure, type GroupOwner, SubscriptionGroup } from './subscription-group.ts';

export type StreamingFeedOptions = {
  /** For single requests: Subscribe and Unsubscribe. */
  readonly transport: EwsTransport;
  /** Opens a transport for so many hanging connections; the feed closes it. */
  readonly openStreams: (connections: number) => EwsTransport;
  readonly budget: RequestBudget;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** How long a single request may take, in milliseconds. */
  readonly requestLimit: number;
  /** The most mailboxes to listen for. */
  readonly mailboxes: number;
  /** Which mailboxes are on one server (Autodiscover's GroupingInformation); undefined where that is not known. */
  readonly groupOf?: ((mailbox: Mailbox) => string | undefined) | undefined;
};

/** Mailboxes come in crowds: this long after the first, groups are made of them. */
const GATHER = 2 * SECOND;
/** The most of Subscribe and Unsubscribe in flight. */
const PARALLEL = 3;
const PARALLEL_AT_STOP = 10;
const STOP_LIMIT = 4.5 * SECOND;
/** So many refusals while nothing is subscribed, and it is not the mailboxes: they are all refused. */
const REFUSALS_OF_ALL = 5;
const ALL_REFUSED_PAUSE = 10 * MINUTE;
/** Rights change seldom, and what else Exchange says of a mailbox not often; other reasons may pass. */
const DENIED_PAUSE = 6 * HOUR;
const REFUSED_PAUSE = 30 * MINUTE;
const PASSING_PAUSE = 10 * MINUTE;
/** The number of subscriptions is counted for each mailbox, and others make some, too: so many in a row mean our own. */
const EXCEEDED = 'ErrorExceededSubscriptionCount';
const EXCEEDED_BY_ALL = 3;
/** For so long after the server wanted fewer it is not asked for more: what it has too many is still being given back. */
const SETTLE = MINUTE;
/** After the server wanted fewer, more are tried at this pace. */
const GROW_PAUSE = 30 * MINUTE;
/** Mailboxes of one key are on different servers after all: each attempt finds those of one. */
const MAX_LEVEL = 8;
const SPARE_GROUPS = 4;

/**
 * Streaming notifications of one server as a change feed, for at most so many mailboxes, first come, first served.
 *
 * https://learn.microsoft.com/exchange/client-developer/exchange-web-services/notification-subscriptions-mailbox-events-and-ews-in-exchange
 */
export class StreamingFeed implements ChangeFeed, GroupOwner {
  readonly #options: StreamingFeedOptions;
  /** Who is followed, and in which group. */
  readonly #followed = new Map<Mailbox, SubscriptionGroup | undefined>();
  /** Who has no group yet, in the order of coming. */
  readonly #waiting = new Set<Mailbox>();
  /** Who was refused, and when to try again. */
  readonly #refused = new DueQueue<Mailbox>();
  readonly #levels = new Map<Mailbox, number>();
  readonly #groups = new Set<SubscriptionGroup>();
  /** How many mailboxes there is room for at present. */
  #room: number;
  #refusals = 0;
  /** How many mailboxes in a row had too many subscriptions. */
  #exceedings = 0;
  #isPaused = false;
  #hasTold = false;
  #onChange: ((mailbox: Mailbox) => void) | undefined;
  #streams: EwsTransport | undefined;
  readonly #slots: SpareSlots;
  #planTimer: { readonly timer: Timer; readonly due: number } | undefined;
  #pauseTimer: Timer | undefined;
  #settleTimer: Timer | undefined;
  #growTimer: Timer | undefined;

  constructor(options: StreamingFeedOptions) {
    this.#options = options;
    this.#room = options.mailboxes;
    this.#slots = new SpareSlots({ ...options, most: PARALLEL });
  }

  start(onChange: (mailbox: Mailbox) => void): void {
    this.#onChange = onChange;
    this.#streams ??= this.#options.openStreams(this.#mostGroups);
    this.#planIn(GATHER);
  }

  follow(mailbox: Mailbox): void {
    if (this.#followed.has(mailbox)) return;
    this.#followed.set(mailbox, undefined);
    this.#waiting.add(mailbox);
    if (this.#free > 0) this.#planIn(GATHER);
  }

  unfollow(mailbox: Mailbox): void {
    const group = this.#followed.get(mailbox);
    this.#followed.delete(mailbox);
    this.#waiting.delete(mailbox);
    this.#refused.delete(mailbox);
    this.#levels.delete(mailbox);
    group?.leave(mailbox);
    if (this.#waiting.size > 0) this.#planIn(GATHER);
  }

  async stop(): Promise<void> {
    const streams = this.#streams;
    if (streams === undefined) return;
    this.#streams = undefined;
    this.#onChange = undefined;
    for (const timer of [this.#planTimer?.timer, this.#pauseTimer, this.#settleTimer, this.#growTimer]) timer?.cancel();
    this.#planTimer = this.#pauseTimer = this.#settleTimer = this.#growTimer = undefined;
    // The timers that would have ended it are gone.
    this.#isPaused = false;
    this.#room = this.#options.mailboxes;
    this.#refusals = this.#exceedings = 0;
    const { clock, budget } = this.#options;
    const groups = [...this.#groups];
    this.#groups.clear();
    this.#followed.clear();
    this.#waiting.clear();
    this.#refused.clear();
    this.#levels.clear();
    const limit = new AbortController();
    const timer = clock.after(STOP_LIMIT, () => limit.abort(new Error('The limit for stopping is over')));
    const pause = budget.notBefore - clock.now();
    const isHopeless = budget.closedBy !== undefined || budget.isAccountDoubtful || pause > STOP_LIMIT;
    if (isHopeless) limit.abort(new Error('The server is not to be asked now'));
    const slots = new SpareSlots({ ...this.#options, most: PARALLEL_AT_STOP });
    await Promise.all(groups.map((group) => group.stop(slots, limit.signal)));
    timer.cancel();
    await streams.close();
  }

  get isOpen(): boolean {
    return !this.#isPaused && this.#settleTimer === undefined;
  }

  onChange(mailbox: Mailbox): void {
    this.#onChange?.(mailbox);
  }

  accepted(): void {
    this.#refusals = this.#exceedings = 0;
    if (!this.#hasTold) return;
    this.#hasTold = false;
    this.#planIn(GATHER);
    this.#options.logger.info('Exchange accepts subscriptions to change notifications again');
  }

  left(mailbox: Mailbox, why: Departure): void {
    if (!this.#followed.has(mailbox)) return;
    const group = this.#followed.get(mailbox);
    this.#followed.set(mailbox, undefined);
    if (why.kind === 'refused') this.#wasRefused(mailbox, why.error, group);
    else {
      if (why.kind === 'misplaced') this.#levels.set(mailbox, ((this.#levels.get(mailbox) ?? 0) + 1) % MAX_LEVEL);
      this.#waiting.add(mailbox);
      this.#planIn(GATHER);
    }
  }

  exceeded(group: SubscriptionGroup | undefined): void {
    // What has not been given back yet exceeds as before.
    if (this.#settleTimer !== undefined) return;
    const { logger, clock, mailboxes } = this.#options;
    const room = Math.max(1, Math.floor(this.#grouped / 2));
    if (this.#room === mailboxes) {
      logger.warn('Exchange allows fewer change notifications than configured; the others are asked at their pace', {
        mailboxes: room,
        configured: mailboxes,
      });
    }
    this.#room = Math.min(this.#room, room);
    this.#exceedings = 0;
    this.#settleTimer = clock.after(SETTLE, () => {
      this.#settleTimer = undefined;
      this.#plan();
    });
    for (const one of [group, ...[...this.#groups].reverse()]) {
      const surplus = this.#grouped - this.#room;
      if (one !== undefined && surplus > 0) one.release(Math.min(surplus, one.size));
    }
    this.#growTimer ??= clock.after(GROW_PAUSE, () => this.#grow());
  }

  ended(group: SubscriptionGroup): void {
    this.#groups.delete(group);
    if (this.#waiting.size > 0) this.#planIn(GATHER);
  }

  get #grouped(): number {
    let grouped = 0;
    for (const { size } of this.#groups) grouped += size;
    return grouped;
  }

  get #free(): number {
    return this.#room - this.#grouped;
  }

  /** Full groups, and some for keys with few mailboxes. */
  get #mostGroups(): number {
    return 2 * Math.ceil(this.#options.mailboxes / MAX_SUBSCRIPTIONS) + SPARE_GROUPS;
  }

  #planIn(delay: number): void {
    if (this.#streams === undefined) return;
    const { clock } = this.#options;
    const due = clock.now() + delay;
    if (this.#planTimer !== undefined && this.#planTimer.due <= due) return;
    this.#planTimer?.timer.cancel();
    const timer = clock.after(delay, () => {
      this.#planTimer = undefined;
      this.#plan();
    });
    this.#planTimer = { timer, due };
  }

  #plan(): void {
    const streams = this.#streams;
    if (streams === undefined || !this.isOpen) return;
    const now = this.#options.clock.now();
    for (let due = this.#refused.takeDue(now); due !== undefined; due = this.#refused.takeDue(now)) {
      this.#waiting.add(due);
    }
    if (this.#refused.nextDue !== undefined) this.#planIn(Math.max(GATHER, this.#refused.nextDue - now));
    const free = this.#free;
    if (free <= 0 || this.#waiting.size === 0) return;
    // While all seem to be refused one sample after the other is tried.
    if (this.#hasTold && this.#groups.size > 0) return;

    const keyOf = (mailbox: Mailbox) => `${this.#options.groupOf?.(mailbox) ?? ''}/${this.#levels.get(mailbox) ?? 0}`;
    for (const { group, key, mailboxes } of planGroups(
      this.#hasTold ? this.#sample() : this.#waiting,
      keyOf,
      this.#groups,
      {
        mailboxes: free,
        groups: this.#mostGroups - this.#groups.size,
      },
    )) {
      const home = group ?? this.#createGroup(streams, key);
      for (const mailbox of mailboxes) {
        this.#waiting.delete(mailbox);
        this.#followed.set(mailbox, home);
      }
      home.join(mailboxes);
    }
  }

  /**
   * Some of those who wait, by chance, while all seem to be refused: the first of the alphabet, who would be asked for
   * each time, may be just those who always will be.
   */
  #sample(): ReadonlySet<Mailbox> {
    const waiting = [...this.#waiting];
    const { random } = this.#options;
    return new Set(
      Array.from({ length: REFUSALS_OF_ALL }, () => waiting[Math.floor(random() * waiting.length)] as Mailbox),
    );
  }

  #createGroup(streams: EwsTransport, key: string): SubscriptionGroup {
    const { transport, clock, logger, random, requestLimit } = this.#options;
    const slots = this.#slots;
    const context = {
      requests: { transport, clock, limit: requestLimit },
      streams: { transport: streams, clock, slots },
      ...{ slots, clock, logger, random },
    };
    const group = new SubscriptionGroup(context, this, key);
    this.#groups.add(group);
    return group;
  }

  #wasRefused(mailbox: Mailbox, error: CalendarSourceError, group: SubscriptionGroup | undefined): void {
    const { clock, random } = this.#options;
    const isExceeded = error.code === EXCEEDED;
    const mayPass = isExceeded || error.kind === 'unreachable' || !error.hasResponseCode;
    const pause = error.kind === 'access-denied' ? DENIED_PAUSE : mayPass ? PASSING_PAUSE : REFUSED_PAUSE;
    this.#refused.set(mailbox, clock.now() + pause * (0.75 + random() / 2));
    this.#planIn(GATHER);
    if (isExceeded && ++this.#exceedings >= EXCEEDED_BY_ALL) this.exceeded(group);
    this.#refusals++;
    for (const group of this.#groups) if (group.heldCount > 0) return;
    const isAll = this.#refusals >= REFUSALS_OF_ALL || this.#refusals >= this.#followed.size;
    if (isAll && !this.#isPaused) this.#pause(error);
  }

  /** Nothing is subscribed, and nothing can be: it is not the mailboxes. */
  #pause(error: CalendarSourceError): void {
    const { clock, logger, random } = this.#options;
    this.#isPaused = true;
    if (!this.#hasTold) {
      this.#hasTold = true;
      logger.warn('Exchange refuses change notifications: they are off; free/busy goes on without them', {
        code: error.code,
        advice:
          error.kind === 'access-denied'
            ? 'Give the account the management role ApplicationImpersonation, or set impersonation: false'
            : 'Look at the code; notifications are tried again from time to time',
      });
    }
    this.#pauseTimer = clock.after(ALL_REFUSED_PAUSE * (0.75 + random() / 2), () => {
      this.#isPaused = false;
      this.#refusals = 0;
      for (
        let one = this.#refused.takeDue(Number.POSITIVE_INFINITY);
        one !== undefined;
        one = this.#refused.takeDue(Number.POSITIVE_INFINITY)
      ) {
        this.#waiting.add(one);
      }
      this.#plan();
    });
  }

  #grow(): void {
    const { mailboxes, clock } = this.#options;
    this.#room = Math.min(mailboxes, this.#room * 2);
    this.#growTimer = this.#room < mailboxes ? clock.after(GROW_PAUSE, () => this.#grow()) : undefined;
    this.#planIn(GATHER);
  }
}
