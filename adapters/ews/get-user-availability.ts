import { type BusyStatus, busyStatuses } from '../../component/calendar/busy-status.ts';
import type { FreeBusyAnswer } from '../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../component/calendar/calendar-source-error.ts';
import type { BusyPeriod, TimeWindow } from '../../component/calendar/timeline.ts';
import type { WorkingHours } from '../../component/calendar/working-hours.ts';
import type { Mailbox } from '../../component/directory/directory.ts';
import { type Instant, SECOND } from '../../component/runtime/clock.ts';
import { limitBackOff } from './ews-error.ts';
import { kindOfResponseCode } from './response-code.ts';
import { WorkingHoursReader } from './working-hours.ts';
import { parseDateTime } from './xml/date-time.ts';
import type { BodyHandler } from './xml/soap.ts';
import { type EnvelopeOptions, writeEnvelope } from './xml/soap-envelope.ts';
import type { Attributes } from './xml/xml-tag.ts';
import { escapeXml } from './xml/xml-text.ts';

/** The most mailboxes that one request may carry; one more gets ErrorMailboxDataArrayTooBig. */
export const MAX_MAILBOXES = 100;

/**
 * A GetUserAvailability request for the free/busy view: times and statuses, no subjects, no places.
 *
 * The window is sent as UTC (a TimeZone with Bias 0), in whole seconds that cover it.
 *
 * https://learn.microsoft.com/exchange/client-developer/web-service-reference/getuseravailability-operation
 */
export function writeGetUserAvailability(
  mailboxes: readonly Mailbox[],
  window: TimeWindow,
  options: EnvelopeOptions = {},
): string {
  return writeEnvelope(
    '<m:GetUserAvailabilityRequest>' +
      TIME_ZONE_UTC +
      `<m:MailboxDataArray>${mailboxes.map(mailboxData).join('')}</m:MailboxDataArray>` +
      '<t:FreeBusyViewOptions><t:TimeWindow>' +
      `<t:StartTime>${wholeSecond(Math.floor(window.start / SECOND))}</t:StartTime>` +
      `<t:EndTime>${wholeSecond(Math.ceil(window.end / SECOND))}</t:EndTime>` +
      '</t:TimeWindow><t:RequestedView>FreeBusy</t:RequestedView></t:FreeBusyViewOptions>' +
      '</m:GetUserAvailabilityRequest>',
    options,
  );
}

/** The schema wants both changes of the clocks, in UTC too; they change nothing. */
function clockChange(name: string, month: number): string {
  return (
    `<t:${name}><t:Bias>0</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>1</t:DayOrder>` +
    `<t:Month>${month}</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:${name}>`
  );
}

/** UTC as the time zone of a request (types.xsd, SerializableTimeZone). */
const TIME_ZONE_UTC = `<t:TimeZone><t:Bias>0</t:Bias>${clockChange('StandardTime', 10)}${clockChange('DaylightTime', 3)}</t:TimeZone>`;

function mailboxData(mailbox: Mailbox): string {
  return (
    `<t:MailboxData><t:Email><t:Address>${escapeXml(mailbox)}</t:Address></t:Email>` +
    '<t:AttendeeType>Required</t:AttendeeType></t:MailboxData>'
  );
}

function wholeSecond(seconds: number): string {
  return new Date(seconds * SECOND).toISOString().slice(0, 19);
}

/** The most entries that are taken for one mailbox: Exchange sends 1,000, or else ErrorResultSetTooBig. */
const MOST_EVENTS = 2_000;

/** .NET's smallest and greatest times, and what a change of the zone makes of them, stand for "never". */
const EARLIEST = parseDateTime('0002-01-01T00:00:00Z');
const LATEST = parseDateTime('9998-12-31T23:59:59Z');

/** One mailbox's part of the answer, as far as it was read. */
type Part = {
  failed: boolean;
  code: string;
  events: BusyPeriod[];
  hasEvents: boolean;
  view: string;
  hours: WorkingHours | undefined;
  /** Why the entries can't be trusted. */
  problem: string | undefined;
};
type Event = { start: Instant | undefined; end: Instant | undefined; status: BusyStatus | undefined };

/** Where the elements that matter stand: each in that one, the first in the body (messages.xsd, types.xsd). */
const parents: ReadonlyMap<string, string> = new Map([
  ['m:GetUserAvailabilityResponse', ''],
  ['m:FreeBusyResponseArray', 'm:GetUserAvailabilityResponse'],
  ['m:FreeBusyResponse', 'm:FreeBusyResponseArray'],
  ['m:ResponseMessage', 'm:FreeBusyResponse'],
  ['m:ResponseCode', 'm:ResponseMessage'],
  ['m:FreeBusyView', 'm:FreeBusyResponse'],
  ['t:FreeBusyViewType', 'm:FreeBusyView'],
  ['t:CalendarEventArray', 'm:FreeBusyView'],
  ['t:CalendarEvent', 't:CalendarEventArray'],
  ['t:StartTime', 't:CalendarEvent'],
  ['t:EndTime', 't:CalendarEvent'],
  ['t:BusyType', 't:CalendarEvent'],
  // What is in it has a reader of its own.
  ['t:WorkingHours', 'm:FreeBusyView'],
]);
const leaves: ReadonlySet<string> = new Set([
  ...['m:ResponseCode', 't:FreeBusyViewType'],
  ...['t:StartTime', 't:EndTime', 't:BusyType'],
]);

/**
 * Reads the answer to GetUserAvailability. Feed it to a `SoapReader`, then ask for the `answers`.
 *
 * What the server leaves open is NoData, never Free: a view of less than the entries (`None`, `MergedOnly`), and an
 * entry with a BusyType that we don't know. An entry whose times make no sense (none at all, an end before its start,
 * the years 1 and 9999) makes the mailbox's answer an error: nobody knows what it hides. The MergedFreeBusy digits are
 * not read: documents disagree on what a 4 is. Working hours that are not understood are none.
 */
export class GetUserAvailabilityReader implements BodyHandler {
  /** BusyTypes, and times, that were not understood: for the log. */
  readonly oddities = new Set<string>();
  readonly #window: TimeWindow;
  readonly #parts: Part[] = [];
  /** The open elements from the body on, as far as they are where the schema puts them. */
  readonly #path: string[] = [];
  #depth = 0;
  #isAnswer = false;
  #part: Part | undefined;
  #event: Event | undefined;
  #hours: WorkingHoursReader | undefined;

  constructor(window: TimeWindow) {
    this.#window = window;
  }

  open(name: string, attributes: Attributes): void {
    this.#hours?.add(name);
    if (this.#depth++ !== this.#path.length) return;
    const parent = this.#path.at(-1) ?? '';
    if (parents.get(name) === parent) {
      this.#path.push(name);
      this.#enter(name, attributes);
    } else if (leaves.has(parent)) this.#spoil(`Exchange sent an element inside ${parent}`);
  }

  close(_name: string, text: string): void {
    if (--this.#depth < this.#path.length) this.#leave(this.#path.pop() as string, text);
    else this.#hours?.add(text);
  }

  #enter(name: string, attributes: Attributes): void {
    switch (name) {
      case 'm:GetUserAvailabilityResponse':
        this.#isAnswer = true;
        break;
      case 'm:FreeBusyResponse':
        this.#part = {
          failed: false,
          code: '',
          events: [],
          hasEvents: false,
          view: '',
          hours: undefined,
          problem: undefined,
        };
        // One too many shows that there are too many.
        if (this.#parts.length <= MAX_MAILBOXES) this.#parts.push(this.#part);
        break;
      case 'm:ResponseMessage':
        if (this.#part !== undefined && attributes.ResponseClass?.value === 'Error') this.#part.failed = true;
        break;
      case 't:CalendarEventArray':
        if (this.#part !== undefined) this.#part.hasEvents = true;
        break;
      case 't:CalendarEvent':
        this.#event = { start: undefined, end: undefined, status: undefined };
        break;
      case 't:WorkingHours':
        this.#hours = new WorkingHoursReader();
        break;
    }
  }

  #leave(name: string, text: string): void {
    const part = this.#part;
    const event = this.#event;
    if (part === undefined) return;
    switch (name) {
      case 't:StartTime':
        if (event !== undefined) event.start = this.#once(event.start, this.#readTime(text));
        break;
      case 't:EndTime':
        if (event !== undefined) event.end = this.#once(event.end, this.#readTime(text));
        break;
      case 't:BusyType':
        if (event !== undefined) event.status = this.#once(event.status, this.#readBusyType(text));
        break;
      case 't:CalendarEvent':
        if (event !== undefined) this.#addEvent(part, event);
        this.#event = undefined;
        break;
      case 't:WorkingHours':
        part.hours ??= this.#hours?.hours;
        this.#hours = undefined;
        break;
      case 'm:ResponseCode':
        part.code = this.#once(part.code || undefined, text.trim());
        break;
      case 't:FreeBusyViewType':
        part.view = this.#once(part.view || undefined, text.trim());
        break;
      case 'm:FreeBusyResponse':
        this.#part = undefined;
        break;
    }
  }

  /**
   * The answers of the mailboxes, which come in the order of the request and carry no address.
   *
   * @param backOff how long the message as a whole asks to be left alone, in milliseconds
   * @throws CalendarSourceError `malformed` when there are not as many as were asked for: no one knows whose is whose;
   *   `throttled` when half of them or more say that the server is busy. Fewer have a busy store: were that taken for
   *   the server's word, one mailbox would keep those that it travels with from ever being answered for
   */
  answers(mailboxes: readonly Mailbox[], backOff: number | undefined): FreeBusyAnswer[] {
    if (!this.#isAnswer) {
      throw new CalendarSourceError('malformed', 'The server sent a SOAP message that does not answer the question');
    }
    const errors = this.#parts.map((part) => partError(part, backOff));
    const busy = errors.filter((error) => error?.kind === 'throttled');
    const isComplete = this.#parts.length === mailboxes.length;
    // First: a busy server need not answer for everyone.
    if (busy[0] !== undefined && (!isComplete || 2 * busy.length >= errors.length)) throw busy[0];
    if (!isComplete) {
      throw new CalendarSourceError(
        'malformed',
        `The server sent ${this.#parts.length} free/busy answers for ${mailboxes.length} mailboxes`,
      );
    }
    return this.#parts.map((part, index) => this.#answer(mailboxes[index] as Mailbox, part, errors[index]));
  }

  #answer(mailbox: Mailbox, part: Part, error: CalendarSourceError | undefined): FreeBusyAnswer {
    if (error !== undefined) return { mailbox, error };
    if (part.problem !== undefined) return { mailbox, error: new CalendarSourceError('malformed', part.problem) };
    if (!showsEvents(part)) part.events.push({ ...this.#window, status: 'NoData' });
    return { mailbox, periods: part.events, hours: part.hours };
  }

  #addEvent(part: Part, { start, end, status = 'NoData' }: Event): void {
    if (start === undefined || end === undefined || !(start <= end && start >= EARLIEST && end <= LATEST)) {
      this.#spoil('Exchange sent an entry whose times make no sense');
    } else if (part.events.length === MOST_EVENTS) {
      this.#spoil(`Exchange sent more than ${MOST_EVENTS} entries for the mailbox`);
    } else part.events.push({ start, end, status });
  }

  /** What stands twice where it may stand once could mean either. */
  #once<Value>(before: Value | undefined, value: Value): Value {
    if (before !== undefined) this.#spoil('Exchange sent an element twice');
    return value;
  }

  #spoil(problem: string): void {
    if (this.#part !== undefined) this.#part.problem ??= problem;
  }

  #readTime(text: string): Instant {
    const time = parseDateTime(text);
    if (!(time >= EARLIEST && time <= LATEST)) this.#addOddity(text);
    return time;
  }

  #readBusyType(text: string): BusyStatus {
    const status = statuses.get(text) ?? statuses.get(text.trim());
    if (status === undefined) this.#addOddity(text);
    return status ?? 'NoData';
  }

  #addOddity(text: string): void {
    // A copy: a piece of a string keeps the whole, a chunk of the answer, in memory.
    if (this.oddities.size < MOST_ODDITIES) this.oddities.add(structuredClone(text.trim().slice(0, 40)));
  }
}

/** Our own words for what Exchange says: pieces of its text, kept in timelines, would keep the whole in memory. */
const statuses: ReadonlyMap<string, BusyStatus> = new Map(busyStatuses.map((status) => [status, status]));

const MOST_ODDITIES = 20;

/** Whether a part lists the entries, so that what it does not list is free. The view type is a list of words. */
function showsEvents({ view, hasEvents }: Part): boolean {
  return view === '' ? hasEvents : /\b(FreeBusy|Detailed)/.test(view);
}

function partError({ failed, code }: Part, backOff: number | undefined): CalendarSourceError | undefined {
  if (!failed && (code === 'NoError' || code === '')) return undefined;
  const kind = kindOfResponseCode(code);
  return new CalendarSourceError(kind, `Exchange answered ${code || 'an error without a code'} for the mailbox`, {
    ...(code !== '' && { code }),
    ...(kind === 'throttled' && limitBackOff(backOff)),
  });
}
