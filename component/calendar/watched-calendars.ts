import type { Mailbox } from '../directory/directory.ts';
import { type Clock, type Instant, SECOND, type Timer } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { Turns } from '../runtime/turns.ts';
import type { AvailabilityCache } from './availability-cache.ts';
import type { CalendarRouter, FreeBusyAnswer } from './calendar-source.ts';
import { CalendarSync } from './calendar-sync.ts';
import { MailboxLog } from './mailbox-log.ts';
import type { Paces } from './pace.ts';
import { buildTimeline, type TimeWindow } from './timeline.ts';
import type { TimelineStore } from './timeline-store.ts';

/** What the watched mailboxes' servers say, in the order in which they say it. */
export interface CalendarListener {
  /** There is a new timeline in the cache. */
  known(mailbox: Mailbox): void;
  /** The server says that there is no such mailbox; `since` is when it first did. */
  notFound(mailbox: Mailbox, since: Instant): void;
}

export type WatchedCalendarsOptions = Paces & {
  readonly cache: AvailabilityCache;
  readonly store: TimelineStore;
  readonly route: CalendarRouter;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly window: { readonly past: number; readonly future: number };
  /** How long after the first hint of a change a mailbox is asked for, in milliseconds. */
  readonly coalesce: number;
  readonly listener: CalendarListener;
};

const SAVE_PAUSE = SECOND;
/** Mailboxes whose askings are planned in a turn of the event loop, 4 µs each (measured). */
const MOST_IN_A_TURN = 500;

/** The watched mailboxes' calendars: kept fresh by asking, kept over a restart by the store. */
export class WatchedCalendars {
  readonly #options: WatchedCalendarsOptions;
  readonly #sync: CalendarSync;
  /** Watched mailboxes whose askings are still to be planned: after a start it may be a hundred thousand. */
  readonly #unplanned = new Set<Mailbox>();
  readonly #planning: Turns<Mailbox>;
  #isStarted = false;
  readonly #unsaved = new Set<Mailbox>();
  readonly #log: MailboxLog;
  readonly #undeleted = new Set<Mailbox>();
  #saveTimer: Timer | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: WatchedCalendarsOptions) {
    this.#options = options;
    this.#planning = new Turns(options.clock, MOST_IN_A_TURN, (mailbox) => this.#planNow(mailbox));
    this.#log = new MailboxLog(options.logger, options.clock);
    this.#sync = new CalendarSync({
      ...options,
      timelineOf: (mailbox) => options.cache.get(mailbox).timeline,
      onAnswer: (...answer) => this.#answered(...answer),
      onMoved: (...move) => this.#log.moved(...move),
    });
  }

  /** Reads what an earlier run knew: before `start`, and before, beside or after the `begin`s of what is watched. */
  async load(): Promise<void> {
    const { cache, store } = this.#options;
    for await (const records of store.loadTimelines()) {
      for (const record of records) {
        cache.pin(record.mailbox);
        cache.set(record.mailbox, record);
      }
    }
  }

  start(): void {
    const { cache } = this.#options;
    for (const [mailbox] of cache.watched()) {
      if (this.#unplanned.has(mailbox)) continue;
      // What an earlier run watched and this one does not.
      cache.unpin(mailbox);
      this.#undeleted.add(mailbox);
    }
    if (this.#undeleted.size > 0) this.#scheduleSave();
    this.#isStarted = true;
    this.#sync.start();
    this.#planning.begin(this.#unplanned);
  }

  /** Asks no more; when this resolves what is known is saved, and the servers' change feeds have ended. */
  async stop(): Promise<void> {
    this.#planning.stop();
    const ended = this.#sync.stop();
    await this.#save();
    await ended;
  }

  /** The wall clock was set, or the machine slept: it is so many milliseconds from where it should be. */
  clockJumped(by: number): void {
    this.#sync.clockJumped(by);
  }

  verdict(mailbox: Mailbox): 'known' | 'not-found' | 'unanswered' {
    const { timeline, goneSince } = this.#options.cache.get(mailbox);
    if (goneSince !== undefined) return 'not-found';
    return timeline === undefined ? 'unanswered' : 'known';
  }

  /** Somebody waits for its server's word about a watched mailbox. */
  hurry(mailbox: Mailbox): void {
    this.#planNow(mailbox);
    this.#sync.hurry(mailbox);
  }

  /** Somebody subscribed to the watched mailbox, or probed it. */
  touched(mailbox: Mailbox): void {
    this.#planNow(mailbox);
    this.#sync.touch(mailbox);
  }

  /** From now on the mailbox is watched. */
  begin(mailbox: Mailbox): void {
    this.#options.cache.pin(mailbox);
    this.#undeleted.delete(mailbox);
    this.#unplanned.add(mailbox);
    if (this.#isStarted) this.#planNow(mailbox);
  }

  #planNow(mailbox: Mailbox): void {
    if (!this.#isStarted || !this.#unplanned.delete(mailbox)) return;
    this.#sync.watch(mailbox, this.#options.cache.get(mailbox).timeline?.fetchedAt);
  }

  /** Nobody watches the mailbox any more. */
  end(mailbox: Mailbox): void {
    this.#unplanned.delete(mailbox);
    this.#sync.unwatch(mailbox);
    this.#options.cache.unpin(mailbox);
    this.#unsaved.delete(mailbox);
    this.#log.forget(mailbox);
    this.#undeleted.add(mailbox);
    this.#scheduleSave();
  }

  #answered(answer: FreeBusyAnswer, at: Instant, window: TimeWindow): void {
    const { cache, listener } = this.#options;
    const { mailbox } = answer;
    this.#log.answered(answer, cache.get(mailbox).timeline !== undefined);
    if ('error' in answer) {
      // The last known timeline stays until it is stale: an error says nothing about the calendar.
      if (answer.error.kind !== 'mailbox-not-found') return;
      const { timeline, goneSince = at } = cache.get(mailbox);
      cache.set(mailbox, { timeline, goneSince });
      listener.notFound(mailbox, goneSince);
    } else {
      cache.set(mailbox, { timeline: buildTimeline(answer.periods, window, at, answer.hours), goneSince: undefined });
      listener.known(mailbox);
    }
    this.#unsaved.add(mailbox);
    this.#scheduleSave();
  }

  #scheduleSave(): void {
    this.#saveTimer ??= this.#options.clock.after(SAVE_PAUSE, () => void this.#save());
  }

  #save(): Promise<void> {
    this.#saveTimer?.cancel();
    this.#saveTimer = undefined;
    const { cache, store, logger } = this.#options;
    const records = [...this.#unsaved].map((mailbox) => ({ mailbox, ...cache.get(mailbox) }));
    const gone = [...this.#undeleted];
    this.#unsaved.clear();
    this.#undeleted.clear();
    this.#saving = this.#saving
      .then(async () => {
        if (records.length > 0) await store.saveTimelines(records);
        if (gone.length > 0) await store.deleteTimelines(gone);
      })
      .catch((error: unknown) => logger.error('Calendars could not be saved: a restart will know less', { error }));
    return this.#saving;
  }
}
