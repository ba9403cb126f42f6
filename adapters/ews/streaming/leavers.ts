import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { isOfServer, type SpareSlots } from '../spare-slots.ts';
import type { Held } from './group-members.ts';
import { type SubscribeContext, unsubscribe } from './subscribe.ts';

/** So often in a row a server in trouble is asked to take subscriptions back; then they are left to end by themselves. */
const MOST_TRIES = 3;

/**
 * Subscriptions that nobody wants any more, and that are still to be given back. That is best effort: a subscription to
 * which nobody listens ends by itself after half an hour.
 */
export class Leavers {
  readonly #requests: SubscribeContext;
  #held: Held[] = [];
  #failures = 0;

  constructor(requests: SubscribeContext) {
    this.#requests = requests;
  }

  get size(): number {
    return this.#held.length;
  }

  get all(): readonly Held[] {
    return this.#held;
  }

  add(...held: readonly Held[]): void {
    this.#held.push(...held);
  }

  /**
   * Gives them back, one after the other.
   *
   * @returns why the server is not to be asked for the others now
   * @throws the signal's reason when aborted
   */
  async giveBack(slots: SpareSlots, signal: AbortSignal): Promise<CalendarSourceError | undefined> {
    for (let held = this.#held[0]; held !== undefined; held = this.#held[0]) {
      try {
        await giveBack(this.#requests, held, slots, signal);
        this.#failures = 0;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof CalendarSourceError)) throw error;
        if (isOfServer(error)) {
          if (++this.#failures < MOST_TRIES) return error;
          this.#failures = 0;
          this.#held = [];
        }
      }
      this.#held.shift();
    }
    return undefined;
  }
}

/**
 * Gives one subscription back, to the server that keeps it.
 *
 * @throws CalendarSourceError; the signal's reason when aborted
 */
export function giveBack(
  requests: SubscribeContext,
  { mailbox, id, affinity }: Held,
  slots: SpareSlots,
  signal: AbortSignal,
): Promise<void> {
  return slots.run(signal, () => unsubscribe(requests, mailbox, id, affinity, signal));
}
