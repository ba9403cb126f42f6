import type { Mailbox } from '../directory/directory.ts';
import type { Instant } from '../runtime/clock.ts';
import type { CalendarRouter, CalendarSource } from './calendar-source.ts';
import { type LaneOptions, SourceLane } from './source-lane.ts';

export type CalendarSyncOptions = LaneOptions & { readonly route: CalendarRouter };

/**
 * Decides who is asked when: only mailboxes that are watched, each anew after `refresh` (give or take a tenth, so
 * that nothing falls into step), in batches. Every server has a lane of its own: one's trouble never slows another.
 */
export class CalendarSync {
  readonly #options: CalendarSyncOptions;
  readonly #lanes = new Map<CalendarSource, SourceLane>();
  readonly #laneOf = new Map<Mailbox, SourceLane>();
  #running = false;

  constructor(options: CalendarSyncOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = true;
    for (const lane of this.#lanes.values()) lane.start();
  }

  /** Aborts what is under way; no answer is given after this. */
  stop(): void {
    this.#running = false;
    for (const lane of this.#lanes.values()) lane.stop();
  }

  /** Begins to ask for a mailbox: at once, or when the timeline fetched at `fetchedAt` needs it. */
  watch(mailbox: Mailbox, fetchedAt?: Instant): void {
    if (this.#laneOf.has(mailbox)) return;
    const source = this.#options.route(mailbox);
    if (source === undefined) {
      this.#options.logger.warn('No Exchange server is configured for this mailbox', { mailbox });
      return;
    }
    const lane = this.#lane(source);
    this.#laneOf.set(mailbox, lane);
    lane.watch(mailbox, fetchedAt);
  }

  unwatch(mailbox: Mailbox): void {
    this.#laneOf.get(mailbox)?.unwatch(mailbox);
    this.#laneOf.delete(mailbox);
  }

  /** Somebody waits for the mailbox: it is asked for within seconds. */
  hurry(mailbox: Mailbox): void {
    this.#laneOf.get(mailbox)?.hurry(mailbox);
  }

  /** The wall clock was set, or the machine slept. */
  clockJumped(): void {
    for (const lane of this.#lanes.values()) {
      lane.clockJumped([...this.#laneOf].filter(([, its]) => its === lane).map(([mailbox]) => mailbox));
    }
  }

  #lane(source: CalendarSource): SourceLane {
    let lane = this.#lanes.get(source);
    if (lane === undefined) {
      lane = new SourceLane(source, this.#options);
      this.#lanes.set(source, lane);
      if (this.#running) lane.start();
    }
    return lane;
  }
}
