import { type BusyStatus, isBusyStatus } from '../../component/calendar/busy-status.ts';
import type { FreeBusyAnswer } from '../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../component/calendar/calendar-source-error.ts';
import type { BusyPeriod, TimeWindow } from '../../component/calendar/timeline.ts';
import type { Mailbox } from '../../component/directory/directory.ts';
import { type Instant, SECOND } from '../../component/runtime/clock.ts';
import { limitBackOff } from './ews-error.ts';
import { kindOfResponseCode } from './response-code.ts';
import { type Attributes, type BodyHandler, escapeXml } from './soap.ts';

/** The most mailboxes that one request may carry; one more gets ErrorMailboxDataArrayTooBig. */
export const MAX_MAILBOXES = 100;

/**
 * A GetUserAvailability request for the free/busy view: times and statuses, no subjects, no places.
 *
 * The window is sent as UTC (a TimeZone with Bias 0), in whole seconds that cover it.
 *
 * https://learn.microsoft.com/exchange/client-developer/web-service-reference/getuseravailability-operation
 */
export function writeGetUserAvailability(mailboxes: readonly Mailbox[], window: TimeWindow): string {
  return (
    '<?xml version="1.0" encoding="utf-8"?>' +
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"' +
    ' xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"' +
    ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">' +
    '<s:Header><t:RequestServerVersion Version="Exchange2013"/></s:Header>' +
    '<s:Body><m:GetUserAvailabilityRequest>' +
    TIME_ZONE_UTC +
    `<m:MailboxDataArray>${mailboxes.map(mailboxData).join('')}</m:MailboxDataArray>` +
    '<t:FreeBusyViewOptions><t:TimeWindow>' +
    `<t:StartTime>${wholeSecond(Math.floor(window.start / SECOND))}</t:StartTime>` +
    `<t:EndTime>${wholeSecond(Math.ceil(window.end / SECOND))}</t:EndTime>` +
    '</t:TimeWindow><t:RequestedView>FreeBusy</t:RequestedView></t:FreeBusyViewOptions>' +
    '</m:GetUserAvailabilityRequest></s:Body></s:Envelope>'
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

/** One mailbox's part of the answer, as far as it was read. */
type Part = { failed: boolean; code: string; events: BusyPeriod[]; hasEvents: boolean; view: string; isVague: boolean };
type Event = { start: Instant; end: Instant; status: BusyStatus };

/**
 * Reads the answer to GetUserAvailability. Feed it to a `SoapReader`, then ask for the `answers`.
 *
 * What the server leaves open is NoData, never Free: a view of less than the entries (`None`, `MergedOnly`), an entry
 * with a BusyType that we don't know, and, over the whole window, an entry whose times can't be read. The
 * MergedFreeBusy digits are not read: documents disagree on what a 4 is.
 */
export class GetUserAvailabilityReader implements BodyHandler {
  /** BusyTypes, and times, that were not understood: for the log. */
  readonly oddities = new Set<string>();
  readonly #window: TimeWindow;
  readonly #parts: Part[] = [];
  #isAnswer = false;
  #part: Part | undefined;
  #event: Event | undefined;

  constructor(window: TimeWindow) {
    this.#window = window;
  }

  open(name: string, attributes: Attributes): void {
    switch (name) {
      case 'm:GetUserAvailabilityResponse':
        this.#isAnswer = true;
        break;
      case 'm:FreeBusyResponse':
        this.#part = { failed: false, code: '', events: [], hasEvents: false, view: '', isVague: false };
        this.#parts.push(this.#part);
        break;
      case 'm:ResponseMessage':
        if (this.#part !== undefined) this.#part.failed = attributes.ResponseClass?.value === 'Error';
        break;
      case 't:CalendarEventArray':
        if (this.#part !== undefined) this.#part.hasEvents = true;
        break;
      case 't:CalendarEvent':
        this.#event = { start: Number.NaN, end: Number.NaN, status: 'NoData' };
        break;
    }
  }

  close(name: string, text: string): void {
    const part = this.#part;
    if (part === undefined) return;
    switch (name) {
      case 't:StartTime':
        if (this.#event !== undefined) this.#event.start = this.#readTime(text);
        break;
      case 't:EndTime':
        if (this.#event !== undefined) this.#event.end = this.#readTime(text);
        break;
      case 't:BusyType':
        if (this.#event !== undefined) this.#event.status = this.#readBusyType(text);
        break;
      case 't:CalendarEvent':
        if (this.#event !== undefined) addEvent(part, this.#event);
        this.#event = undefined;
        break;
      case 'm:ResponseCode':
        part.code = text.trim();
        break;
      case 't:FreeBusyViewType':
        part.view = text.trim();
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
   *   `throttled` when one of them says that the server is busy
   */
  answers(mailboxes: readonly Mailbox[], backOff: number | undefined): FreeBusyAnswer[] {
    if (!this.#isAnswer) {
      throw new CalendarSourceError('malformed', 'The server sent a SOAP message that does not answer the question');
    }
    // First: a busy server need not answer for everyone.
    for (const part of this.#parts) {
      const error = partError(part, backOff);
      if (error?.kind === 'throttled') throw error;
    }
    if (this.#parts.length !== mailboxes.length) {
      throw new CalendarSourceError(
        'malformed',
        `The server sent ${this.#parts.length} free/busy answers for ${mailboxes.length} mailboxes`,
      );
    }
    return this.#parts.map((part, index) => this.#answer(mailboxes[index] as Mailbox, part, backOff));
  }

  #answer(mailbox: Mailbox, part: Part, backOff: number | undefined): FreeBusyAnswer {
    const error = partError(part, backOff);
    if (error !== undefined) return { mailbox, error };
    if (part.isVague || !showsEvents(part)) part.events.push({ ...this.#window, status: 'NoData' });
    return { mailbox, periods: part.events };
  }

  #readTime(text: string): Instant {
    const time = parseDateTime(text);
    if (Number.isNaN(time)) this.oddities.add(text.trim().slice(0, 40));
    return time;
  }

  #readBusyType(text: string): BusyStatus {
    if (isBusyStatus(text)) return text;
    const trimmed = text.trim();
    if (isBusyStatus(trimmed)) return trimmed;
    this.oddities.add(trimmed.slice(0, 40));
    return 'NoData';
  }
}

function addEvent(part: Part, event: Event): void {
  if (Number.isNaN(event.start) || Number.isNaN(event.end)) part.isVague = true;
  else part.events.push(event);
}

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

/**
 * An xs:dateTime as an instant; NaN when it is none. Without an offset it is UTC, the zone that was sent; Exchange
 * 2007 answers with an offset. Year 1 and year 9999 are Exchange's smallest and greatest times, and are fine.
 */
export function parseDateTime(text: string): Instant {
  const trimmed = text.trim();
  const parts = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$/.exec(trimmed);
  if (parts === null) return Number.NaN;
  return Date.parse(parts[2] === undefined ? `${trimmed}Z` : trimmed);
}
