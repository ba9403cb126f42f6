import type { Mailbox } from '../directory/directory.ts';
import { HOUR, type Instant, MINUTE, type Timer } from '../runtime/clock.ts';
import { LoopShare } from '../runtime/loop-share.ts';
import type { CalendarRouter, CalendarSource, FreeBusyAnswer, Referral } from './calendar-source.ts';
import type { CalendarSourceError } from './calendar-source-error.ts';
import { MailboxSearch, type NextStep } from './mailbox-search.ts';
import { longestPause, lookAhead, nextAsk, phaseOf, type Turn, turnAfter } from './pace.ts';
import { type LaneOptions, RETRY, SourceLane } from './source-lane.ts';
import type { Timeline } from './timeline.ts';

export type CalendarSyncOptions = LaneOptions & {
  readonly route: CalendarRouter;
  /** What is known of a mailbox: it is asked for more often around the changes of its calendar. */
  readonly timelineOf: (mailbox: Mailbox) => Timeline | undefined;
  /** A mailbox that had left its source was found by another; both are names of sources. */
  readonly onMoved?: ((mailbox: Mailbox, from: string, to: string) => void) | undefined;
};

/** So long after a subscription or a probe a mailbox is lively. */
const LIVELY = HOUR;
/** A mailbox that is referred on more often than this within a minute waits before it is asked for again. */
const MOST_REFERRALS = 5;
/** A lane without mailboxes ends after this time. */
const LINGER = 10 * MINUTE;

/** Calendar entries that are taken in before the event loop has its turn: 0.4 µs each for the timeline (measured). */
const MOST_IN_A_TURN = 2000;

type Referrals = { since: Instant; count: number; isLogged: boolean };

/**
 * Decides who is asked when: only mailboxes that are watched, each at its own pace (`nextAsk`), in batches. Every
 * server has a lane of its own: one's trouble never slows another. A source may refer a mailbox to another source; one
 * that denies having it loses it to the next that may.
 */
export class CalendarSync {
  readonly #options: CalendarSyncOptions;
  readonly #lanes = new Map<CalendarSource, SourceLane>();
  readonly #laneOf = new Map<Mailbox, SourceLane>();
  /** When somebody last subscribed or probed, in minutes of the epoch: small integers need no room of their own. */
  readonly #touchedIn = new Map<Mailbox, number>();
  readonly #referrals = new Map<Mailbox, Referrals>();
  readonly #search: MailboxSearch;
  readonly #lingering = new Map<CalendarSource, Timer>();
  readonly #ending = new Set<Promise<void>>();
  readonly #share = new LoopShare(MOST_IN_A_TURN);
  readonly #seed: number;
  #running = false;

  constructor(options: CalendarSyncOptions) {
    this.#options = {
      ...options,
      onAnswer: (...answer) => {
        this.#noteAnswer(answer[0]);
        options.onAnswer(...answer);
      },
    };
    this.#search = new MailboxSearch(options.route);
    this.#seed = Math.floor(options.random() * 2 ** 32);
  }

  start(): void {
    this.#running = true;
    for (const lane of this.#lanes.values()) lane.start();
  }

  /** Aborts what is under way; no answer is given after this. Resolves when the change feeds have ended, too. */
  async stop(): Promise<void> {
    this.#running = false;
    for (const timer of this.#lingering.values()) timer.cancel();
    this.#lingering.clear();
    for (const lane of this.#lanes.values()) this.#end(lane);
    await Promise.all(this.#ending);
  }

  /** Begins to ask for a mailbox: at once, or when the timeline fetched at `fetchedAt` needs it. */
  watch(mailbox: Mailbox, fetchedAt?: Instant): void {
    if (this.#laneOf.has(mailbox)) return;
    const { clock, logger, random, route } = this.#options;
    const source = route(mailbox);
    if (source === undefined) {
      logger.warn('No Exchange server is configured for this mailbox', { mailbox });
      return;
    }
    // What was fetched in the future is from before the clock was set back: waiting for it could take hours.
    const isGood = fetchedAt !== undefined && fetchedAt <= clock.now();
    this.#give(mailbox, source, isGood ? this.#nextAsk(mailbox, fetchedAt) : { due: random(), isNear: false });
  }

  unwatch(mailbox: Mailbox): void {
    const lane = this.#laneOf.get(mailbox);
    if (lane === undefined) return;
    lane.unwatch(mailbox);
    this.#laneOf.delete(mailbox);
    this.#touchedIn.delete(mailbox);
    this.#referrals.delete(mailbox);
    this.#search.forget(mailbox);
    this.#dropEmptyLanes();
  }

  /** Somebody waits for the mailbox: it is asked for within seconds. */
  hurry(mailbox: Mailbox): void {
    this.#laneOf.get(mailbox)?.hurry(mailbox);
  }

  /** Somebody subscribed to the mailbox, or probed it: for an hour it is asked for more often. */
  touch(mailbox: Mailbox): void {
    const lane = this.#laneOf.get(mailbox);
    if (lane === undefined) return;
    const now = this.#options.clock.now();
    const wasLively = this.#isLively(mailbox, now);
    this.#touchedIn.set(mailbox, Math.floor(now / MINUTE));
    const timeline = this.#options.timelineOf(mailbox);
    if (wasLively || timeline === undefined) return;
    const { due, isNear } = this.#nextAsk(mailbox, timeline.fetchedAt);
    // When all log in at once, they are asked for in the course of a round.
    const inTurn = turnAfter(now, this.#options.refresh, phaseOf(mailbox, this.#seed));
    lane.askBy(mailbox, { due: due > now ? due : inTurn, isNear });
  }

  /** The wall clock was set, or the machine slept: it is so many milliseconds from where it should be. */
  clockJumped(by: number): void {
    const { clock, timelineOf } = this.#options;
    const now = clock.now();
    const latest = now + longestPause(this.#options);
    for (const lane of this.#lanes.values()) {
      lane.clockJumped(by, (mailbox, due) => due > latest || (timelineOf(mailbox)?.fetchedAt ?? now) > now);
    }
  }

  #give(mailbox: Mailbox, source: CalendarSource, turn: Turn): void {
    const lane = this.#lane(source);
    this.#laneOf.set(mailbox, lane);
    lane.watch(mailbox, turn);
  }

  #lane(source: CalendarSource): SourceLane {
    this.#lingering.get(source)?.cancel();
    this.#lingering.delete(source);
    let lane = this.#lanes.get(source);
    if (lane === undefined) {
      const owner = {
        share: this.#share,
        nextAsk: (mailbox: Mailbox, askedAt: Instant) => this.#nextAsk(mailbox, askedAt),
        refer: (referral: Referral) => this.#refer(referral),
        stepAfter: (mailbox: Mailbox, error: CalendarSourceError) =>
          this.#search.failed(mailbox, error, source.name, this.#options.clock.now()),
        passOn: (mailbox: Mailbox, step: NextStep) => this.#passOn(mailbox, step),
      };
      lane = new SourceLane(source, this.#options, owner);
      this.#lanes.set(source, lane);
      if (this.#running) lane.start();
    }
    return lane;
  }

  #nextAsk(mailbox: Mailbox, askedAt: Instant): Turn {
    const facts = {
      askedAt,
      timeline: this.#options.timelineOf(mailbox),
      isLively: this.#isLively(mailbox, this.#options.clock.now()),
      phase: phaseOf(mailbox, this.#seed),
    };
    return nextAsk(facts, this.#options);
  }

  #isLively(mailbox: Mailbox, now: Instant): boolean {
    const touchedIn = this.#touchedIn.get(mailbox);
    if (touchedIn === undefined) return false;
    if (now - touchedIn * MINUTE <= LIVELY) return true;
    this.#touchedIn.delete(mailbox);
    return false;
  }

  #noteAnswer(answer: FreeBusyAnswer): void {
    const { mailbox } = answer;
    this.#referrals.delete(mailbox);
    if ('error' in answer) return;
    const from = this.#search.found(mailbox);
    const to = this.#laneOf.get(mailbox)?.name;
    if (from !== undefined && to !== undefined && to !== from) this.#options.onMoved?.(mailbox, from, to);
  }

  #passOn(mailbox: Mailbox, { source, rounds, refusal }: NextStep): void {
    // The first time some were asked in vain only because another's failure was taken for theirs.
    if (rounds < 2) {
      this.#refer({ mailbox, servedBy: source });
      return;
    }
    const { clock, random, refresh, onAnswer } = this.#options;
    const now = clock.now();
    const pause = Math.min(RETRY * 2 ** (rounds - 2), refresh) * (0.9 + 0.2 * random());
    // Without the look-ahead it would be taken along again at once.
    this.#give(mailbox, source, { due: now + lookAhead(this.#options).calm + pause, isNear: false });
    this.#dropEmptyLanes();
    onAnswer({ mailbox, error: refusal }, now, { start: now, end: now });
  }

  #refer({ mailbox, servedBy }: Referral): void {
    const { clock, logger, random } = this.#options;
    const now = clock.now();
    const before = this.#referrals.get(mailbox);
    const isNew = before === undefined || Math.abs(now - before.since) > MINUTE;
    const referrals = isNew ? { since: now, count: 0, isLogged: before?.isLogged ?? false } : before;
    this.#referrals.set(mailbox, referrals);
    referrals.count++;
    const isSentAround = referrals.count > MOST_REFERRALS;
    if (isSentAround && !referrals.isLogged) {
      referrals.isLogged = true;
      logger.warn('Exchange servers refer a mailbox to one another', { mailbox, to: servedBy.name });
    }
    this.#give(mailbox, servedBy, { due: isSentAround ? now + RETRY : random(), isNear: false });
    this.#dropEmptyLanes();
  }

  /** Ends lanes without mailboxes after a while: a source that was referred to may never be needed again. */
  #dropEmptyLanes(): void {
    if (!this.#running) return;
    for (const [source, lane] of this.#lanes) {
      if (!lane.isEmpty || this.#lingering.has(source)) continue;
      const drop = () => {
        this.#lingering.delete(source);
        if (!lane.isEmpty) return;
        this.#lanes.delete(source);
        this.#end(lane);
      };
      this.#lingering.set(source, this.#options.clock.after(LINGER, drop));
    }
  }

  #end(lane: SourceLane): void {
    const ended = lane.stop().finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }
}
