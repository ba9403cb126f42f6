import type { CalendarRouter, CalendarSource } from '../../../component/calendar/calendar-source.ts';
import type { Clock } from '../../../component/runtime/clock.ts';
import type { DayPlan, MailboxTrouble, Moment, Outage } from './plan.ts';

/** What comes to pass at Exchange; mailboxes by their number in the plan. */
export type ExchangeEvent =
  | { readonly type: 'edited'; readonly mailbox: number; readonly version: number }
  | { readonly type: 'outage' | 'outage-over'; readonly outage: Outage }
  | { readonly type: 'mailbox-error'; readonly mailbox: number; readonly kind: MailboxTrouble | undefined };

/** The Exchange servers of the day, as they are or as a model of them. */
export interface Exchange {
  readonly route: CalendarRouter;
  /** Whether answers come by a real network: time stands still until they are there. */
  readonly isReal: boolean;
  happen(event: ExchangeEvent): void;
  close(): Promise<void>;
}

/** What an Exchange is made with. */
export type Stage = {
  readonly plan: DayPlan;
  readonly clock: Clock;
  readonly now: () => Moment;
  /** Passes a source to the gateway: what it answers is written down. */
  readonly observe: (source: CalendarSource) => CalendarSource;
  /** A hint about a change that has reached the gateway. */
  readonly hinted: (mailbox: number, changedAt: Moment) => void;
};
