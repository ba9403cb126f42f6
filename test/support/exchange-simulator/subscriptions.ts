// The subscriptions that the simulator's backends hold, and the events that wait in them.
// docs: Notification subscriptions, mailbox events, and EWS in Exchange (what an action of a user creates, expiry),
//       https://learn.microsoft.com/exchange/client-developer/exchange-web-services/notification-subscriptions-mailbox-events-and-ews-in-exchange
//       Handling notification-related errors, https://learn.microsoft.com/exchange/client-developer/exchange-web-services/handling-notification-related-errors-in-ews-in-exchange
// From judgement: how many events wait before some are missed; deleting an item moves it to the folder of deleted items.

import { randomBytes } from 'node:crypto';
import type { CalendarChange } from './calendars.ts';

export const eventTypes = [
  'CopiedEvent',
  'CreatedEvent',
  'DeletedEvent',
  'ModifiedEvent',
  'MovedEvent',
  'NewMailEvent',
  'FreeBusyChangedEvent',
] as const;
export type EventType = (typeof eventTypes)[number];

export type MailboxEvent = {
  readonly type: EventType | 'StatusEvent';
  /** Epoch milliseconds. */
  readonly at: number;
  /** The item that it happened to; undefined: to the calendar folder. */
  readonly item: string | undefined;
};

/** Why a subscription is no more; ResponseCodes. */
export type Loss = 'ErrorReadEventsFailed' | 'ErrorSubscriptionUnsubscribed' | 'ErrorMissedNotificationEvents';

/** A connection on which a subscription's events are sent. */
export interface EventListener {
  /** There are events to take. */
  wake(): void;
  /** The subscription is no more, or another connection listens to it now. */
  lose(subscription: Subscription, code: Loss | 'ErrorNewEventStreamConnectionOpened'): void;
}

export type Subscription = {
  readonly id: string;
  /** The account that made it. */
  readonly account: string;
  /** Whose budget it is charged to. */
  readonly budgetOwner: string;
  /** In lower case. */
  readonly mailbox: string;
  readonly backend: number;
  /** Those that it hears; none for a folder in which nothing happens here. */
  readonly types: ReadonlySet<EventType>;
  waiting: MailboxEvent[];
  listener: EventListener | undefined;
  /** Since when nobody has listened; epoch milliseconds. */
  idleSince: number;
};

const LIFETIME_WITHOUT_CONNECTION = 30 * 60_000;
const MOST_WAITING = 1_000;

export class Subscriptions {
  readonly #now: () => number;
  readonly #byId = new Map<string, Subscription>();
  readonly #byMailbox = new Map<string, Set<Subscription>>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Those that live, in the order of their making. */
  get all(): readonly Subscription[] {
    return [...this.#byId.values()].filter((one) => this.#lives(one));
  }

  /** @param server the name of the backend's machine, which the ids begin with as Exchange's do */
  create(
    server: string,
    parts: Pick<Subscription, 'account' | 'budgetOwner' | 'mailbox' | 'backend' | 'types'>,
  ): Subscription {
    const length = Buffer.alloc(2);
    length.writeUInt16LE(server.length);
    const id = Buffer.concat([length, Buffer.from(server), randomBytes(28)]).toString('base64');
    const subscription = { ...parts, id, waiting: [], listener: undefined, idleSince: this.#now() };
    this.#byId.set(id, subscription);
    this.#byMailbox.set(parts.mailbox, (this.#byMailbox.get(parts.mailbox) ?? new Set()).add(subscription));
    return subscription;
  }

  /** How many an owner of a budget has on a backend. */
  count(budgetOwner: string, backend: number): number {
    return this.all.filter((one) => one.budgetOwner === budgetOwner && one.backend === backend).length;
  }

  /** What an account may use on a backend; undefined: there is no such subscription. */
  find(id: string, account: string, backend: number): Subscription | undefined {
    const found = this.#byId.get(id);
    if (found?.account !== account || found.backend !== backend) return undefined;
    return this.#lives(found) ? found : undefined;
  }

  /** Makes a connection the one that hears it; who did before is told. */
  connect(subscription: Subscription, listener: EventListener): void {
    const before = subscription.listener;
    subscription.listener = listener;
    before?.lose(subscription, 'ErrorNewEventStreamConnectionOpened');
  }

  disconnect(subscription: Subscription, listener: EventListener): void {
    if (subscription.listener !== listener) return;
    subscription.listener = undefined;
    subscription.idleSince = this.#now();
  }

  remove(subscription: Subscription, code: Loss): void {
    this.#forget(subscription);
    subscription.listener?.lose(subscription, code);
  }

  /** Loses those that are concerned, as when a mailbox is moved or a server starts again. */
  lose(isConcerned: (subscription: Subscription) => boolean): void {
    for (const one of this.all) if (isConcerned(one)) this.remove(one, 'ErrorReadEventsFailed');
  }

  /** A calendar has changed. */
  notice(change: CalendarChange): void {
    const at = this.#now();
    for (const one of [...(this.#byMailbox.get(change.mailbox) ?? [])]) {
      if (!this.#lives(one)) continue;
      if (change.what === 'gone') {
        this.remove(one, 'ErrorReadEventsFailed');
        continue;
      }
      const heard = eventsOf(change, at).filter(({ type }) => one.types.has(type as EventType));
      if (heard.length === 0) continue;
      one.waiting.push(...heard);
      if (one.waiting.length > MOST_WAITING) this.remove(one, 'ErrorMissedNotificationEvents');
      else one.listener?.wake();
    }
  }

  /** Forgets it when nobody has listened to it for too long. */
  #lives(subscription: Subscription): boolean {
    const { listener, idleSince } = subscription;
    const isExpired = listener === undefined && this.#now() - idleSince > LIFETIME_WITHOUT_CONNECTION;
    if (isExpired) this.#forget(subscription);
    return !isExpired;
  }

  #forget(subscription: Subscription): void {
    this.#byId.delete(subscription.id);
    const ofMailbox = this.#byMailbox.get(subscription.mailbox);
    ofMailbox?.delete(subscription);
    if (ofMailbox?.size === 0) this.#byMailbox.delete(subscription.mailbox);
  }
}

/** One action, several events; the last is the folder's, whose count of items has changed. */
function eventsOf({ what, entry }: CalendarChange, at: number): readonly MailboxEvent[] {
  const first = { booked: 'CreatedEvent', moved: 'ModifiedEvent', cancelled: 'MovedEvent', touched: 'ModifiedEvent' };
  if (what === 'gone') return [];
  const happened: MailboxEvent = { type: first[what] as EventType, at, item: entry };
  const freeBusy: MailboxEvent = { type: 'FreeBusyChangedEvent', at, item: entry };
  const folder: MailboxEvent = { type: 'ModifiedEvent', at, item: undefined };
  return what === 'touched' ? [happened, folder] : [happened, freeBusy, folder];
}
