// The calendars that the simulator knows, and the operations a person would do on them.

import type { Booking, CalendarEntry, MailboxAccess, Span } from './calendar-entry.ts';
import { readCalendarFile } from './calendar-file.ts';

type Mailbox = { access: MailboxAccess; readonly entries: Map<string, CalendarEntry> };

/** Mailboxes by address, compared without regard to case. */
export class Calendars {
  readonly #mailboxes = new Map<string, Mailbox>();
  readonly #owners = new Map<string, Mailbox>();
  #lastId = 0;

  /** Adds an empty mailbox; one that exists keeps its entries and gets the new access. */
  addMailbox(address: string, options: { readonly access?: MailboxAccess } = {}): void {
    const access = options.access ?? 'free-busy';
    const mailbox = this.#mailboxes.get(address.toLowerCase());
    if (mailbox === undefined) this.#mailboxes.set(address.toLowerCase(), { access, entries: new Map() });
    else mailbox.access = access;
  }

  removeMailbox(address: string): void {
    for (const id of this.#mailbox(address).entries.keys()) this.#owners.delete(id);
    this.#mailboxes.delete(address.toLowerCase());
  }

  /** Removes all mailboxes. */
  clear(): void {
    this.#mailboxes.clear();
    this.#owners.clear();
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
    return id;
  }

  /** Gives an entry another time. */
  move(id: string, span: Span): void {
    const { entries } = this.#owner(id);
    entries.set(id, { ...(entries.get(id) as CalendarEntry), ...instants(span) });
  }

  cancel(id: string): void {
    this.#owner(id).entries.delete(id);
    this.#owners.delete(id);
  }

  /** Books an absence: an entry that shows as out of office. */
  outOfOffice(address: string, span: Span): string {
    return this.book(address, { ...span, status: 'OOF', subject: 'Out of office' });
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
   * Fills in the mailboxes of a YAML text (the form is in calendar-file.ts); a mailbox it names loses what it had.
   *
   * @param options.today the epoch millisecond at which the day of times such as "10:00" begins
   * @throws Error that says what is wrong with the text; nothing has changed then
   */
  loadCalendars(yamlText: string, options: { readonly today: number | Date }): void {
    const plans = readCalendarFile(yamlText, Number(options.today));
    for (const { address, access, bookings } of plans) {
      if (this.access(address) !== undefined) this.removeMailbox(address);
      this.addMailbox(address, { access });
      for (const booking of bookings) this.book(address, booking);
    }
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
