import type { AvailabilityCache } from '../calendar/availability-cache.ts';
import type { Mailbox } from '../directory/directory.ts';
import { type Clock, SECOND, type Timer } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { Turns } from '../runtime/turns.ts';
import type { Presence } from './presence.ts';
import { type PresencePolicy, presenceAt } from './presence-policy.ts';
import { TransitionClock } from './transition-clock.ts';

export type PresenceKeeperOptions = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly cache: AvailabilityCache;
  readonly policy: PresencePolicy;
  /** Called when a watched mailbox may show something else than before. */
  readonly onLook: (mailbox: Mailbox, presence: Presence) => void;
  /** Called when the wall clock was set, or the machine slept: it is so many milliseconds from where it should be. */
  readonly onJump: (by: number) => void;
};

/** Mailboxes that are looked at in a turn of the event loop, 5 to 10 µs each (measured). */
const MOST_IN_A_TURN = 250;

/** Calendars become too old together, and fresh again: one line for those of so many milliseconds. */
const REPORT_PAUSE = 5 * SECOND;

/** Keeps the presence of watched mailboxes true: it looks again at each transition, and whenever told to. */
export class PresenceKeeper {
  readonly #options: PresenceKeeperOptions;
  readonly #transitions: TransitionClock;
  readonly #stale = new Set<Mailbox>();
  /** How many were too old when the log last spoke of it. */
  #reported = 0;
  #report: Timer | undefined;
  readonly #turns: Turns<[Mailbox, unknown]>;
  #state: 'new' | 'running' | 'stopped' = 'new';

  constructor(options: PresenceKeeperOptions) {
    this.#options = options;
    this.#turns = new Turns(options.clock, MOST_IN_A_TURN, ([mailbox]) => this.look(mailbox));
    this.#transitions = new TransitionClock({
      clock: options.clock,
      onDue: (mailbox) => this.look(mailbox),
      onJump: (_now, by) => {
        this.lookAtAll();
        options.onJump(by);
      },
    });
  }

  start(): void {
    this.#state = 'running';
    this.lookAtAll();
    this.#transitions.start();
  }

  stop(): void {
    this.#state = 'stopped';
    this.#turns.stop();
    this.#transitions.stop();
    this.#report?.cancel();
  }

  presenceOf(mailbox: Mailbox): Presence {
    const { cache, clock, policy } = this.#options;
    return presenceAt(mailbox, cache.get(mailbox).timeline, clock.now(), policy).presence;
  }

  /** What is known of the mailbox changed, or time did: schedules its next transition and says that it may differ. */
  look(mailbox: Mailbox): void {
    // The start looks at all of them.
    if (this.#state === 'new') return;
    const { cache, clock, policy, onLook } = this.#options;
    const { timeline } = cache.get(mailbox);
    const { presence, nextLook } = presenceAt(mailbox, timeline, clock.now(), policy);
    this.#transitions.set(mailbox, nextLook);
    this.#noteAge(mailbox, timeline !== undefined && nextLook === undefined);
    onLook(mailbox, presence);
  }

  /** Nobody watches the mailbox any more. */
  forget(mailbox: Mailbox): void {
    this.#transitions.set(mailbox, undefined);
    if (this.#stale.delete(mailbox)) this.#reportLater();
  }

  /** In turns of the event loop: it may be a hundred thousand. */
  lookAtAll(): void {
    this.#turns.begin(this.#options.cache.watched());
  }

  /** Says in one line how many calendars became too old, and in one that none is any more. */
  #noteAge(mailbox: Mailbox, isStale: boolean): void {
    if (this.#stale.has(mailbox) === isStale) return;
    if (isStale) this.#stale.add(mailbox);
    else this.#stale.delete(mailbox);
    this.#reportLater();
  }

  #reportLater(): void {
    // What is still under way at a stop looks at calendars, too: a timer would then outlive the gateway.
    if (this.#state === 'stopped') return;
    const { clock, logger } = this.#options;
    this.#report ??= clock.after(REPORT_PAUSE, () => {
      this.#report = undefined;
      const mailboxes = this.#stale.size;
      if (mailboxes === this.#reported) return;
      this.#reported = mailboxes;
      if (mailboxes > 0) logger.warn('Calendars are too old: their contacts show nothing', { mailboxes });
      else logger.info('No calendar is too old any more');
    });
  }
}
