// Writes the answer to GetUserAvailability. It builds text: 100,000 mailboxes must not wait for a tree.
// docs: GetUserAvailabilityResponse, FreeBusyView, CalendarEventArray, WorkingHours, ResponseMessage,
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/getuseravailabilityresponse
//       messages.xsd (FreeBusyResponseType), types.xsd (FreeBusyView, CalendarEvent)

import type { AvailabilityRequest } from './availability-request.ts';
import type { CalendarEntry } from './calendar-entry.ts';
import type { Calendars } from './calendars.ts';
import { MESSAGES, TYPES } from './namespaces.ts';
import { type ResponseStyle, type SoapFault, writeEnvelope, writeText, writeValues } from './soap.ts';
import { type TimeZone, toWallClock } from './time-zone.ts';

/** What an answer says of one mailbox. */
export type MailboxResult = { readonly entries: readonly CalendarEntry[] } | { readonly error: SoapFault };

const MOST_ENTRIES = 1000;

/** What Exchange says of a mailbox by its calendars. */
export function resultFor(calendars: Calendars, address: string, window: AvailabilityRequest['window']): MailboxResult {
  const access = calendars.access(address);
  if (access === undefined) {
    return {
      error: { code: 'ErrorMailRecipientNotFound', message: `No object of the directory has the address ${address}.` },
    };
  }
  if (access === 'none') {
    return {
      error: { code: 'ErrorNoFreeBusyAccess', message: 'The account may not see the free/busy of this mailbox.' },
    };
  }
  const entries = calendars.entriesBetween(address, window.start, window.end);
  if (entries.length > MOST_ENTRIES) {
    const message = `There are ${entries.length} entries, more than the ${MOST_ENTRIES} allowed.`;
    return { error: { code: 'ErrorResultSetTooBig', message } };
  }
  return { entries };
}

/**
 * Writes the whole envelope: one response for each result, in their order, without addresses and without subjects.
 *
 * @param busyType what to write instead of every entry's status
 */
export function writeAvailability(
  style: ResponseStyle,
  zone: TimeZone,
  results: readonly MailboxResult[],
  busyType?: string,
): string {
  const { open, m } = names(style);
  const write = responseWriter(style, zone, busyType);
  let responses = '';
  for (const result of results) responses += write(result);
  const array = `<${m}FreeBusyResponseArray>${responses}</${m}FreeBusyResponseArray>`;
  return writeEnvelope(style, `<${m}GetUserAvailabilityResponse${open}>${array}</${m}GetUserAvailabilityResponse>`);
}

type Names = {
  /** The prefixes with their colon. */
  readonly m: string;
  readonly t: string;
  /** The declarations of the root element, and of the outermost elements of the types namespace. */
  readonly open: string;
  readonly openTypes: string;
};

function names({ messages, types }: ResponseStyle): Names {
  const declareMessages = messages === '' ? ` xmlns="${MESSAGES}"` : ` xmlns:${messages}="${MESSAGES}"`;
  const declareTypes = types === '' ? '' : ` xmlns:${types}="${TYPES}"`;
  return {
    m: messages === '' ? '' : `${messages}:`,
    t: types === '' ? '' : `${types}:`,
    open: `${declareMessages}${declareTypes}`,
    openTypes: types === '' ? ` xmlns="${TYPES}"` : '',
  };
}

function responseWriter(style: ResponseStyle, zone: TimeZone, busyType?: string): (result: MailboxResult) => string {
  const { m, t, openTypes } = names(style);
  const text = (value: string): string => writeText(style, value);
  const time = timeWriter(style, zone);

  const success = `<${m}ResponseMessage ResponseClass="Success"><${m}ResponseCode>${text('NoError')}</${m}ResponseCode></${m}ResponseMessage>`;
  const view = `<${m}FreeBusyView><${t}FreeBusyViewType${openTypes}>${text('FreeBusy')}</${t}FreeBusyViewType>`;
  const beforeEvents = `<${m}FreeBusyResponse>${success}${view}`;
  const afterEvents = `${writeWorkingHours(style)}</${m}FreeBusyView></${m}FreeBusyResponse>`;
  const noView = `<${m}FreeBusyView><${t}FreeBusyViewType${openTypes}>${text('None')}</${t}FreeBusyViewType></${m}FreeBusyView>`;

  return (result) => {
    if ('error' in result) {
      return `<${m}FreeBusyResponse>${writeError(style, result.error)}${noView}</${m}FreeBusyResponse>`;
    }
    let events = '';
    for (const { start, end, status } of result.entries) {
      events +=
        `<${t}CalendarEvent><${t}StartTime>${text(time(start))}</${t}StartTime>` +
        `<${t}EndTime>${text(time(end))}</${t}EndTime>` +
        `<${t}BusyType>${text(busyType ?? status)}</${t}BusyType></${t}CalendarEvent>`;
    }
    const array =
      events === ''
        ? `<${t}CalendarEventArray${openTypes}/>`
        : `<${t}CalendarEventArray${openTypes}>${events}</${t}CalendarEventArray>`;
    return `${beforeEvents}${array}${afterEvents}`;
  };
}

function writeError(style: ResponseStyle, { code, message, values = [] }: SoapFault): string {
  const { m } = names(style);
  const messageXml =
    values.length === 0 ? '' : `<${m}MessageXml xmlns:t="${TYPES}">${writeValues(style, values)}</${m}MessageXml>`;
  return (
    `<${m}ResponseMessage ResponseClass="Error"><${m}MessageText>${writeText(style, message)}</${m}MessageText>` +
    `<${m}ResponseCode>${writeText(style, code)}</${m}ResponseCode>` +
    `<${m}DescriptiveLinkKey>0</${m}DescriptiveLinkKey>${messageXml}</${m}ResponseMessage>`
  );
}

/** The working week of every mailbox here: Central European, so not in the zone of a request in UTC. */
function writeWorkingHours(style: ResponseStyle): string {
  const { t, openTypes } = names(style);
  const element = (name: string, content: string | number): string => `<${t}${name}>${content}</${t}${name}>`;
  const rule = (name: string, bias: number, time: string, month: number): string =>
    element(
      name,
      element('Bias', bias) +
        element('Time', time) +
        element('DayOrder', 5) +
        element('Month', month) +
        element('DayOfWeek', 'Sunday'),
    );
  const zone =
    element('Bias', -60) + rule('StandardTime', 0, '03:00:00', 10) + rule('DaylightTime', -60, '02:00:00', 3);
  const period =
    element('DayOfWeek', 'Monday Tuesday Wednesday Thursday Friday') +
    element('StartTimeInMinutes', 480) +
    element('EndTimeInMinutes', 1020);
  const hours = element('TimeZone', zone) + element('WorkingPeriodArray', element('WorkingPeriod', period));
  return `<${t}WorkingHours${openTypes}>${hours}</${t}WorkingHours>`;
}

/** Writes instants in whole seconds; meetings share their times, so each is written once. */
function timeWriter({ offsets }: ResponseStyle, zone: TimeZone): (instant: number) => string {
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(offsets) ?? [];
  const shift = (sign === '-' ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000;
  const suffix = offsets === 'none' ? '' : offsets;
  const written = new Map<number, string>();
  return (instant) => {
    let text = written.get(instant);
    if (text === undefined) {
      const wall = offsets === 'none' ? toWallClock(zone, instant) : instant + shift;
      text = `${new Date(wall).toISOString().slice(0, 19)}${suffix}`;
      written.set(instant, text);
    }
    return text;
  };
}
