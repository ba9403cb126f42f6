// The calendars that the simulator knows, and the operations a person would do on them.

import { type AutomaticReply, checkReply } from './automatic-replies/automatic-reply.ts';
import type { Booking, CalendarEntry, MailboxAccess, Span } from './calendar-entry.ts';
import { readCalendarFile } from './calendar-file.ts';

/** What has happened in a calendar; `gone`: the whole mailbox was removed. */
export type CalendarChange = {
  /** In lower case. */
  readonly mailbox: string;
  readonly what: 'booked' | 'moved' | 'cancelled' | 'touched' | 'gone';
  /** The entry's id; '' when the mailbox is gone. */
  readonly entry: string;
};

type Mailbox = {
  readonly address: string;
  access: MailboxAccess;
  zone: string;
  reply: AutomaticReply | undefined;
  readonly entries: Map<string, CalendarEntry>;
};

export type MailboxOptions = {
  /** Default: free-busy */
  readonly access?: MailboxAccess;
  /** Where its owner works: an IANA zone. Default: Europe/Berlin */
  readonly zone?: string;
};

/** Mailboxes by address, compared without regard to case. */
export class Calendars {
  readonly #mailboxes = new Map<string, Mailbox>();
  readonly #owners = new Map<string, Mailbox>();
  readonly #observers: ((change: CalendarChange) => void)[] = [];
  #lastId = 0;

  /** Calls back for each change from now on, once it is made. */
  observe(observer: (change: CalendarChange) => void): void {
    this.#observers.push(observer);
  }

  /** Adds an empty mailbox; one that exists keeps its entries and gets the new access and zone. */
  addMailbox(address: string, { access = 'free-busy', zone = 'Europe/Berlin' }: MailboxOptions = {}): void {
    const key = address.toLowerCase();
    const mailbox = this.#mailboxes.get(key);
    if (mailbox === undefined)
      this.#mailboxes.set(key, { address: key, access, zone, reply: undefined, entries: new Map() });
    else Object.assign(mailbox, { access, zone });
  }

  removeMailbox(address: string): void {
    for (const id of this.#mailbox(address).entries.keys()) this.#owners.delete(id);
    this.#mailboxes.delete(address.toLowerCase());
    this.#tell({ mailbox: address.toLowerCase(), what: 'gone', entry: '' });
  }

  /** Removes all mailboxes. */
  clear(): void {
    const gone = [...this.#mailboxes.keys()];
    this.#mailboxes.clear();
    this.#owners.clear();
    for (const mailbox of gone) this.#tell({ mailbox, what: 'gone', entry: '' });
  }

  /**
   * Enters something into a calendar.
   *
   * @returns the entry's id, for `move` and `cancel`
   * @throws RangeError when it ends before it starts; Error when there is no such mailbox
   */
  book(address: string, booking: Booking): string {
    const mailbox = this.#mailbox(address);
    const id = `entry-${++this.#lastId}`;
    const { status = 'Busy', subject = '' } = booking;
    mailbox.entries.set(id, { id, ...instants(booking), status, subject });
    this.#owners.set(id, mailbox);
    this.#tell({ mailbox: mailbox.address, what: 'booked', entry: id });
    return id;
  }

  /** Gives an entry another time. */
  move(id: string, span: Span): void {
    const { address, entries } = this.#owner(id);
    entries.set(id, { ...(entries.get(id) as CalendarEntry), ...instants(span) });
    this.#tell({ mailbox: address, what: 'moved', entry: id });
  }

  cancel(id: string): void {
    const { address, entries } = this.#owner(id);
    entries.delete(id);
    this.#owners.delete(id);
    this.#tell({ mailbox: address, what: 'cancelled', entry: id });
  }

  /** An edit that free/busy does not show, as dismissing a reminder is. */
  touch(id: string): void {
    this.#tell({ mailbox: this.#owner(id).address, what: 'touched', entry: id });
  }

  /** Books an absence: an entry that shows as out of office. */
  outOfOffice(address: string, span: Span): string {
    return this.book(address, { ...span, status: 'OOF', subject: 'Out of office' });
  }

  /**
   * Switches on a mailbox's automatic reply; undefined: off.
   *
   * @throws RangeError when its schedule makes no sense; Error when there is no such mailbox
   */
  automaticReply(address: string, reply: AutomaticReply | undefined): void {
    if (reply !== undefined) checkReply(reply);
    this.#mailbox(address).reply = reply;
  }

  /** A mailbox's automatic reply, sent now or not; undefined: there is none. */
  replyOf(address: string): AutomaticReply | undefined {
    return this.#mailboxes.get(address.toLowerCase())?.reply;
  }

  /** The IANA zone of a mailbox. */
  zoneOf(address: string): string {
    return this.#mailbox(address).zone;
  }

  /** A mailbox's entries in the order of their starts. */
  entries(address: string): readonly CalendarEntry[] {
    return inOrder([...this.#mailbox(address).entries.values()]);
  }

  /** What the account may see of a mailbox; undefined when there is no such mailbox. */
  access(address: string): MailboxAccess | undefined {
    return this.#mailboxes.get(address.toLowerCase())?.access;
  }

  /** The entries that overlap [start, end) in the order of their starts; none for an unknown mailbox. */
  entriesBetween(address: string, start: number, end: number): readonly CalendarEntry[] {
    const found: CalendarEntry[] = [];
    for (const entry of this.#mailboxes.get(address.toLowerCase())?.entries.values() ?? []) {
      // An entry without a duration is there at its one instant.
      if (entry.start < end && (entry.end > start || entry.start >= start)) found.push(entry);
    }
    return inOrder(found);
  }

  /**
   * Fills in the mailboxes of a YAML text (the form is in calendar-file.ts). Of a mailbox that it names those entries
   * stay that the text has too, and the others go.
   *
   * @param options.today the epoch millisecond at which the day of times such as "10:00" begins
   * @param options.only removes the mailboxes that the text does not name
   * @throws Error that says what is wrong with the text; nothing has changed then
   */
  loadCalendars(yamlText: string, options: { readonly today: number | Date; readonly only?: boolean }): void {
    const plans = readCalendarFile(yamlText, Number(options.today));
    for (const { bookings } of plans) for (const booking of bookings) instants(booking);
    const named = new Set(plans.map(({ address }) => address.toLowerCase()));
    if (options.only === true) {
      for (const address of [...this.#mailboxes.keys()]) if (!named.has(address)) this.removeMailbox(address);
    }
    for (const { address, access, bookings } of plans) {
      this.addMailbox(address, { access });
      this.#replaceEntries(address, bookings);
    }
  }

  #replaceEntries(address: string, bookings: readonly Booking[]): void {
    const old = [...this.#mailbox(address).entries.values()];
    for (const booking of bookings) {
      const { status = 'Busy', subject = '' } = booking;
      const { start, end } = instants(booking);
      const isSame = (one: CalendarEntry): boolean =>
        one.start === start && one.end === end && one.status === status && one.subject === subject;
      const at = old.findIndex(isSame);
      if (at >= 0) old.splice(at, 1);
      else this.book(address, booking);
    }
    for (const { id } of old) this.cancel(id);
  }

  #tell(change: CalendarChange): void {
    for (const observer of this.#observers) observer(change);
  }

  #mailbox(address: string): Mailbox {
    const mailbox = this.#mailboxes.get(address.toLowerCase());
    if (mailbox === undefined) throw new Error(`There is no mailbox ${address}: add it with addMailbox`);
    return mailbox;
  }

  #owner(id: string): Mailbox {
    const mailbox = this.#owners.get(id);
    if (mailbox === undefined) throw new Error(`There is no entry ${id}`);
    return mailbox;
  }
}

function instants(span: Span): { start: number; end: number } {
  const [start, end] = [Number(span.start), Number(span.end)];
  if (!(start <= end)) throw new RangeError(`An entry can't last from ${span.start} to ${span.end}`);
  return { start, end };
}

function inOrder(entries: CalendarEntry[]): CalendarEntry[] {
  return entries.sort((a, b) => a.start - b.start || a.end - b.end);
}
