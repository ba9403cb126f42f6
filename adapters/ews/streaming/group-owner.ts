import type { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import type { Clock } from '../../../component/runtime/clock.ts';
import type { Logger } from '../../../component/runtime/logger.ts';
import type { SpareSlots } from '../spare-slots.ts';
import type { StreamContext } from './event-stream.ts';
import type { SubscribeContext } from './subscribe.ts';

/**
 * Why a mailbox has left its group without being told to:
 * - `refused`: the server gives no subscription for it
 * - `misplaced`: its subscription came to be on another server than the group's
 * - `fickle`: its subscription is lost again and again, or as soon as it is made
 * - `postponed`: no subscriptions are to be made now, or not as many
 */
export type Departure =
  | { readonly kind: 'refused'; readonly error: CalendarSourceError }
  | { readonly kind: 'misplaced' | 'fickle' | 'postponed' };

/** Who made a group, as the group sees it. */
export interface GroupOwner<Group> {
  /** Whether subscriptions are to be made at present. */
  readonly isOpen: boolean;
  /** Whether the server listens for any group. */
  readonly isHeard: boolean;
  onChange(mailbox: Mailbox): void;
  /** The server gave a subscription. */
  accepted(): void;
  left(mailbox: Mailbox, why: Departure): void;
  /** The server allows the group no connection, in whosever name. */
  tooMany(group: Group): void;
  /** The group has no mailbox any more. */
  ended(group: Group): void;
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
