import type { AvailabilityCache } from '../calendar/availability-cache.ts';
import type { Mailbox } from '../directory/directory.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Presence } from './presence.ts';
import { nextLook, type PresencePolicy, presenceAt } from './presence-policy.ts';
import { TransitionClock } from './transition-clock.ts';

export type PresenceKeeperOptions = {
  readonly clock: Clock;
  readonly cache: AvailabilityCache;
  readonly policy: PresencePolicy;
  /** Called when a watched mailbox may show something else than before. */
  readonly onLook: (mailbox: Mailbox) => void;
  /** Called when the wall clock was set, or the machine slept. */
  readonly onJump: () => void;
};

/** Keeps the presence of watched mailboxes true: it looks again at each transition, and whenever told to. */
export class PresenceKeeper {
  readonly #options: PresenceKeeperOptions;
  readonly #transitions: TransitionClock;

  constructor(options: PresenceKeeperOptions) {
    this.#options = options;
    this.#transitions = new TransitionClock({
      clock: options.clock,
      onDue: (mailbox) => this.look(mailbox),
      onJump: () => {
        this.lookAtAll();
        options.onJump();
      },
    });
  }

  start(): void {
    this.lookAtAll();
    this.#transitions.start();
  }

  stop(): void {
    this.#transitions.stop();
  }

  presenceOf(mailbox: Mailbox): Presence {
    const { cache, clock, policy } = this.#options;
    return presenceAt(cache.get(mailbox).timeline, clock.now(), policy);
  }

  /** What is known of the mailbox changed, or time did: schedules its next transition and says that it may differ. */
  look(mailbox: Mailbox): void {
    const { cache, clock, policy, onLook } = this.#options;
    const { timeline } = cache.get(mailbox);
    this.#transitions.set(mailbox, timeline && nextLook(timeline, clock.now(), policy));
    onLook(mailbox);
  }

  /** Nobody watches the mailbox any more. */
  forget(mailbox: Mailbox): void {
    this.#transitions.set(mailbox, undefined);
  }

  lookAtAll(): void {
    for (const [mailbox] of this.#options.cache.watched()) this.look(mailbox);
  }
}
