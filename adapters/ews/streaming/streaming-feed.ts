import type { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { ChangeFeed } from '../../../component/calendar/change-feed.ts';
import type { RequestBudget } from '../../../component/calendar/request-budget.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import { type Clock, HOUR, MINUTE, SECOND, type Timer } from '../../../component/runtime/clock.ts';
import { DueQueue } from '../../../component/runtime/due-queue.ts';
import type { Logger } from '../../../component/runtime/logger.ts';
import type { EwsTransport } from '../http/ews-transport.ts';
import { SpareSlots } from '../spare-slots.ts';
import { FeedLog } from './feed-log.ts';
import { MAX_SUBSCRIPTIONS } from './get-streaming-events.ts';
import type { Departure, GroupOwner } from './group-owner.ts';
import { planGroups } from './group-plan.ts';
import { SubscriptionGroup } from './subscription-group.ts';

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
/**
 * Mailboxes of one key are on different servers after all: each attempt finds those of one, and as many are made as a
 * database availability group may have servers. Then they are set aside.
 */
const MAX_LEVEL = 16;
const MISPLACED =
  'Exchange keeps their subscriptions on other servers than our connections lead to; with autodiscover in place of a ' +
  'url it says which mailboxes are together';
const FICKLE = 'Exchange loses their subscriptions again and again';
const SPARE_GROUPS = 4;

/**
 * Streaming notifications of one server as a change feed, for at most so many mailboxes, first come, first served.
 *
 * https://learn.microsoft.com/exchange/client-developer/exchange-web-services/notification-subscriptions-mailbox-events-and-ews-in-exchange
 */
export class StreamingFeed implements ChangeFeed, GroupOwner<SubscriptionGroup> {
  readonly #options: StreamingFeedOptions;
  /** Who is followed, and in which group. */
  readonly #followed = new Map<Mailbox, SubscriptionGroup | undefined>();
  /** Who has no group yet, in the order of coming. */
  readonly #waiting = new Set<Mailbox>();
  /** Who was refused, and when to try again. */
  readonly #refused = new DueQueue<Mailbox>();
  readonly #levels = new Map<Mailbox, number>();
  readonly #groups = new Set<SubscriptionGroup>();
  /** Those that only give back what they have. */
  readonly #closing = new Set<SubscriptionGroup>();
  /** The most groups, each with a connection, as far as the server has shown. */
  #connections = Number.POSITIVE_INFINITY;
  readonly #log: FeedLog;
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
    this.#log = new FeedLog(options.logger);
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
    this.#log.forget(mailbox);
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
    this.#connections = Number.POSITIVE_INFINITY;
    this.#refusals = this.#exceedings = 0;
    const { clock, budget } = this.#options;
    const groups = [...this.#groups, ...this.#closing];
    this.#groups.clear();
    this.#closing.clear();
    this.#followed.clear();
    this.#waiting.clear();
    this.#refused.clear();
    this.#levels.clear();
    this.#log.clear();
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

  get isHeard(): boolean {
    for (const group of this.#groups) if (group.isHeard) return true;
    return false;
  }

  onChange(mailbox: Mailbox): void {
    this.#onChange?.(mailbox);
  }

  accepted(): void {
    this.#refusals = this.#exceedings = 0;
    if (!this.#hasTold) return;
    this.#hasTold = false;
    this.#planIn(GATHER);
    this.#log.acceptedAgain();
  }

  left(mailbox: Mailbox, why: Departure): void {
    if (!this.#followed.has(mailbox)) return;
    const group = this.#followed.get(mailbox);
    this.#followed.set(mailbox, undefined);
    switch (why.kind) {
      case 'refused':
        this.#wasRefused(mailbox, why.error, group);
        return;
      case 'misplaced':
        this.#wasMisplaced(mailbox);
        break;
      case 'fickle':
        this.#putAside(mailbox, FICKLE, REFUSED_PAUSE);
        break;
      case 'postponed':
        this.#waiting.add(mailbox);
    }
    this.#planIn(GATHER);
  }

  tooMany(group: SubscriptionGroup): void {
    const others = this.#groups.size - 1;
    // The only one goes on trying: there is nothing to lose.
    if (others === 0 || !this.#groups.delete(group)) return;
    if (this.#connections === Number.POSITIVE_INFINITY) {
      this.#log.fewerConnections(others, group.size);
    }
    this.#connections = others;
    this.#closing.add(group);
    group.release(group.size);
    this.#growTimer ??= this.#options.clock.after(GROW_PAUSE, () => this.#grow());
  }

  ended(group: SubscriptionGroup): void {
    this.#groups.delete(group);
    this.#closing.delete(group);
    if (this.#waiting.size > 0) this.#planIn(GATHER);
  }

  /** The server has too many subscriptions: half of them is given back. */
  #shrink(group: SubscriptionGroup | undefined): void {
    // What has not been given back yet exceeds as before.
    if (this.#settleTimer !== undefined) return;
    const { clock, mailboxes } = this.#options;
    const room = Math.max(1, Math.floor(this.#grouped / 2));
    if (this.#room === mailboxes) {
      this.#log.fewerMailboxes(room, mailboxes);
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
    this.#log.tell();
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
        groups: Math.min(this.#mostGroups, this.#connections) - this.#groups.size,
      },
    )) {
      const home = group ?? this.#createGroup(streams, key);
      for (const mailbox of mailboxes) {
        this.#waiting.delete(mailbox);
        this.#followed.set(mailbox, home);
      }
      home.join(mailboxes);
    }
    const isShort = this.#waiting.size > 0 && this.#free > 0 && !this.#hasTold;
    if (isShort && this.#connections === Number.POSITIVE_INFINITY) this.#log.groupless(this.#waiting, this.#mostGroups);
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
    if (isExceeded && ++this.#exceedings >= EXCEEDED_BY_ALL) this.#shrink(group);
    this.#refusals++;
    for (const group of this.#groups) if (group.heldCount > 0) return;
    const isAll = this.#refusals >= REFUSALS_OF_ALL || this.#refusals >= this.#followed.size;
    if (isAll && !this.#isPaused) this.#pause(error);
  }

  #wasMisplaced(mailbox: Mailbox): void {
    const level = (this.#levels.get(mailbox) ?? 0) + 1;
    if (level < MAX_LEVEL) {
      this.#levels.set(mailbox, level);
      this.#waiting.add(mailbox);
    } else {
      this.#levels.delete(mailbox);
      this.#putAside(mailbox, MISPLACED, DENIED_PAUSE);
    }
  }

  #putAside(mailbox: Mailbox, why: string, pause: number): void {
    const { clock, random } = this.#options;
    this.#refused.set(mailbox, clock.now() + pause * (0.75 + random() / 2));
    this.#log.setAside(mailbox, why);
  }

  /** Nothing is subscribed, and nothing can be: it is not the mailboxes. */
  #pause(error: CalendarSourceError): void {
    const { clock, random } = this.#options;
    this.#isPaused = true;
    if (!this.#hasTold) {
      this.#hasTold = true;
      this.#log.refused(error);
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
    // One more at a time: to find out costs up to 200 subscriptions.
    this.#connections = this.#connections < this.#mostGroups ? this.#connections + 1 : Number.POSITIVE_INFINITY;
    const isWhole = this.#room === mailboxes && this.#connections === Number.POSITIVE_INFINITY;
    this.#growTimer = isWhole ? undefined : clock.after(GROW_PAUSE, () => this.#grow());
    this.#planIn(GATHER);
  }
}
