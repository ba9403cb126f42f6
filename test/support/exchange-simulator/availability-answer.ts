// Writes the answer to GetUserAvailability. It builds text: 100,000 mailboxes must not wait for a tree.
// docs: GetUserAvailabilityResponse, FreeBusyView, CalendarEventArray, WorkingHours, ResponseMessage,
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/getuseravailabilityresponse
//       messages.xsd (FreeBusyResponseType), types.xsd (FreeBusyView, CalendarEvent)

import type { AvailabilityRequest } from './availability-request.ts';
import type { CalendarEntry } from './calendar-entry.ts';
import type { Calendars } from './calendars.ts';
import { writeResponseMessage } from './response-message.ts';
import { namesOf, type ResponseStyle, type SoapFault, writeEnvelope, writeText } from './soap.ts';
import { timeWriter } from './time-writer.ts';
import type { TimeZone } from './time-zone.ts';
import { writeWorkingHours } from './working-hours.ts';

/** What an answer says of one mailbox; its working hours are in its IANA zone (Berlin), in the year of `at` (epoch ms). */
export type MailboxResult =
  | { readonly entries: readonly CalendarEntry[]; readonly zone?: string; readonly at?: number }
  | { readonly error: SoapFault };

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
  return { entries, zone: calendars.zoneOf(address), at: window.start };
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
  const { open, m } = namesOf(style);
  const write = responseWriter(style, zone, busyType);
  let responses = '';
  for (const result of results) responses += write(result);
  const array = `<${m}FreeBusyResponseArray>${responses}</${m}FreeBusyResponseArray>`;
  return writeEnvelope(style, `<${m}GetUserAvailabilityResponse${open}>${array}</${m}GetUserAvailabilityResponse>`);
}

function responseWriter(style: ResponseStyle, zone: TimeZone, busyType?: string): (result: MailboxResult) => string {
  const { m, t, openTypes } = namesOf(style);
  const text = (value: string): string => writeText(style, value);
  const time = timeWriter(style, zone);

  const success = writeResponseMessage(style, 'ResponseMessage');
  const view = `<${m}FreeBusyView><${t}FreeBusyViewType${openTypes}>${text('FreeBusy')}</${t}FreeBusyViewType>`;
  const beforeEvents = `<${m}FreeBusyResponse>${success}${view}`;
  const afterEvents = `</${m}FreeBusyView></${m}FreeBusyResponse>`;
  const workingHours = new Map<string, string>();
  const noView = `<${m}FreeBusyView><${t}FreeBusyViewType${openTypes}>${text('None')}</${t}FreeBusyViewType></${m}FreeBusyView>`;

  return (result) => {
    if ('error' in result) {
      return `<${m}FreeBusyResponse>${writeResponseMessage(style, 'ResponseMessage', result.error)}${noView}</${m}FreeBusyResponse>`;
    }
    const { entries, zone: home = 'Europe/Berlin', at = entries[0]?.start ?? 0 } = result;
    const hours = workingHours.get(home) ?? writeWorkingHours(style, home, at);
    workingHours.set(home, hours);
    let events = '';
    for (const { start, end, status } of entries) {
      events +=
        `<${t}CalendarEvent><${t}StartTime>${text(time(start))}</${t}StartTime>` +
        `<${t}EndTime>${text(time(end))}</${t}EndTime>` +
        `<${t}BusyType>${text(busyType ?? status)}</${t}BusyType></${t}CalendarEvent>`;
    }
    const array =
      events === ''
        ? `<${t}CalendarEventArray${openTypes}/>`
        : `<${t}CalendarEventArray${openTypes}>${events}</${t}CalendarEventArray>`;
    return `${beforeEvents}${array}${hours}${afterEvents}`;
  };
}
