// Reads a GetUserAvailability request as strictly as Exchange does.
// docs: GetUserAvailability operation, GetUserAvailabilityRequest, FreeBusyViewOptions, RequestedView, ResponseCode:
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/getuseravailability-operation
//       messages.xsd (GetUserAvailabilityRequestType), types.xsd (MailboxData, FreeBusyViewOptionsType, SerializableTimeZone)

import { MESSAGES, TYPES } from './namespaces.ts';
import { Refusal, readChildren, readInteger, readWord } from './request-reader.ts';
import { fromWallClock, type TimeZone, weekdays, type ZoneRule } from './time-zone.ts';
import type { XmlElement } from './xml-element.ts';

export type AvailabilityRequest = {
  /** The addresses as they were sent, in their order. */
  readonly mailboxes: readonly string[];
  /** Epoch milliseconds. */
  readonly window: { readonly start: number; readonly end: number };
  readonly zone: TimeZone;
};

/** How much may be asked for at once. */
export type AvailabilityLimits = {
  /** The mailboxes of one request. */
  mailboxes: number;
  /** The time window, in milliseconds. */
  window: number;
};

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** As since Exchange 2013; before, the window was 42 days at most. */
export const availabilityLimits: Readonly<AvailabilityLimits> = { mailboxes: 100, window: 62 * DAY };

/**
 * Reads the element GetUserAvailabilityRequest.
 *
 * @param contextZone the zone of a TimeZoneContext header
 * @throws Refusal with the code of the fault that Exchange answers
 */
export function readAvailabilityRequest(
  operation: XmlElement,
  contextZone: TimeZone | undefined,
  limits: Readonly<AvailabilityLimits>,
): AvailabilityRequest {
  const parts = readChildren(
    operation,
    { TimeZone: TYPES, FreeBusyViewOptions: TYPES, SuggestionsViewOptions: TYPES, MailboxDataArray: MESSAGES },
    {
      TimeZone: '?',
      MailboxDataArray: '1',
      FreeBusyViewOptions: '?',
      SuggestionsViewOptions: '?',
    },
  );
  // Optional in the schema, required by the documentation; since 2010 a TimeZoneContext header does instead, which is
  // what Microsoft's own libraries send.
  const [element] = parts.TimeZone;
  const zone = element === undefined ? contextZone : readZone(element);
  if (zone === undefined) throw new Refusal('ErrorMissingArgument', 'TimeZone is missing');
  const mailboxes = readMailboxes(parts.MailboxDataArray[0] as XmlElement, limits.mailboxes);
  if (parts.SuggestionsViewOptions.length > 0) {
    throw new Refusal('ErrorInvalidRequest', 'Suggestions are not served here');
  }
  if (parts.FreeBusyViewOptions[0] === undefined) {
    throw new Refusal('ErrorMissingArgument', 'FreeBusyViewOptions is missing');
  }
  const window = readViewOptions(parts.FreeBusyViewOptions[0], zone, limits.window);
  return { mailboxes, window, zone };
}

function readMailboxes(array: XmlElement, most: number): readonly string[] {
  const { MailboxData } = readChildren(array, TYPES, { MailboxData: '*' });
  if (MailboxData.length === 0) throw new Refusal('ErrorMailboxDataArrayEmpty', 'No mailbox is asked about');
  if (MailboxData.length > most) {
    const text = `At most ${most} mailboxes may be asked about, not ${MailboxData.length}`;
    throw new Refusal('ErrorMailboxDataArrayTooBig', text);
  }
  return MailboxData.map((data) => {
    const parts = readChildren(data, TYPES, { Email: '1', AttendeeType: '1', ExcludeConflicts: '?' });
    readWord(parts.AttendeeType[0] as XmlElement, ['Organizer', 'Required', 'Optional', 'Room', 'Resource']);
    const [exclude] = parts.ExcludeConflicts;
    if (exclude !== undefined) readWord(exclude, ['true', 'false', '1', '0']);
    const email = readChildren(parts.Email[0] as XmlElement, TYPES, { Name: '?', Address: '1', RoutingType: '?' });
    return (email.Address[0] as XmlElement).text;
  });
}

function readViewOptions(options: XmlElement, zone: TimeZone, longest: number): AvailabilityRequest['window'] {
  const parts = readChildren(options, TYPES, {
    TimeWindow: '1',
    MergedFreeBusyIntervalInMinutes: '?',
    RequestedView: '?',
  });
  const span = readChildren(parts.TimeWindow[0] as XmlElement, TYPES, { StartTime: '1', EndTime: '1' });
  const start = readInstant(span.StartTime[0] as XmlElement, zone);
  const end = readInstant(span.EndTime[0] as XmlElement, zone);
  if (end <= start) throw new Refusal('ErrorInvalidTimeInterval', 'The time window ends before it has begun');
  if (end - start > longest) {
    const text = `A time window may last ${longest / DAY} days, not ${Math.ceil((end - start) / DAY)}`;
    throw new Refusal('ErrorTimeIntervalTooBig', text);
  }
  const [merged] = parts.MergedFreeBusyIntervalInMinutes;
  const minutes = merged === undefined ? 30 : readInteger(merged);
  if (minutes < 5 || minutes > 1440) {
    throw new Refusal('ErrorInvalidMergedFreeBusyInterval', `A merged interval can't be ${minutes} minutes`);
  }
  checkView(parts.RequestedView[0]);
  return { start, end };
}

function checkView(view: XmlElement | undefined): void {
  const known = ['None', 'MergedOnly', 'FreeBusy', 'FreeBusyMerged', 'Detailed', 'DetailedMerged'] as const;
  const asked = view === undefined ? 'None' : readWord(view, known);
  if (asked === 'None') throw new Refusal('ErrorInvalidFreeBusyViewType', 'The view None can only be an answer');
  // An account with free/busy rights that asks for Detailed gets FreeBusy, and is told so.
  if (asked !== 'FreeBusy' && asked !== 'Detailed') {
    throw new Refusal('ErrorInvalidRequest', `The view ${asked} is not served here`);
  }
}

function readZone(element: XmlElement): TimeZone {
  const parts = readChildren(element, TYPES, { Bias: '1', StandardTime: '1', DaylightTime: '1' });
  return {
    bias: readInteger(parts.Bias[0] as XmlElement),
    standard: readRule(parts.StandardTime[0] as XmlElement),
    daylight: readRule(parts.DaylightTime[0] as XmlElement),
  };
}

function readRule(element: XmlElement): ZoneRule {
  const parts = readChildren(element, TYPES, {
    Bias: '1',
    Time: '1',
    DayOrder: '1',
    Month: '1',
    DayOfWeek: '1',
    Year: '?',
  });
  const bias = readInteger(parts.Bias[0] as XmlElement);
  const dayOrder = readInteger(parts.DayOrder[0] as XmlElement);
  const month = readInteger(parts.Month[0] as XmlElement);
  const weekday = readWord(parts.DayOfWeek[0] as XmlElement, weekdays);
  const clock = /^(\d\d):(\d\d):(\d\d)$/.exec((parts.Time[0] as XmlElement).text);
  if (clock === null || month < 0 || month > 12 || (month > 0 && (dayOrder < 1 || dayOrder > 5))) {
    throw new Refusal('ErrorTimeZone', `${element.local} names no changeover`);
  }
  const [hours = 0, minutes = 0, seconds = 0] = clock.slice(1).map(Number);
  return { bias, dayOrder, month, weekday, time: ((hours * 60 + minutes) * 60 + seconds) * 1000 };
}

/** An xs:dateTime: without an offset it is in the request's zone. */
function readInstant({ local, text }: XmlElement, zone: TimeZone): number {
  const [, day, time, offset] =
    /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d)?$/.exec(text.trim()) ?? [];
  const wall = Date.parse(`${day}T${time}Z`);
  // JavaScript takes the 30th of February for the 2nd of March.
  if (Number.isNaN(wall) || (!time?.startsWith('24') && !new Date(wall).toISOString().startsWith(day ?? ''))) {
    throw new Refusal('ErrorSchemaValidation', `${local} is no dateTime: ${text}`);
  }
  return offset === undefined ? fromWallClock(zone, wall) : Date.parse(`${day}T${time}${offset}`);
}
