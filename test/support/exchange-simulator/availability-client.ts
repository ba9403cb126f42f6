// A client by hand, for the tests of the simulator itself: it shares nothing with the product's.

import type { ExchangeSimulator } from './exchange-simulator.ts';
import { MESSAGES, SOAP, TYPES } from './namespaces.ts';

export type RequestParts = {
  readonly mailboxes?: readonly string[];
  /** xs:dateTime texts. */
  readonly start?: string;
  readonly end?: string;
  readonly version?: string;
  readonly view?: string;
  /** The whole TimeZone element. */
  readonly timeZone?: string;
  /** Further header elements, with the prefix `t`. */
  readonly headers?: string;
};

export const utc = timeZone({ bias: 0 });

/** A TimeZone element; with `daylight`, the European rules (minutes, as Exchange counts: Berlin is -60). */
export function timeZone({ bias, daylight = false }: { readonly bias: number; readonly daylight?: boolean }): string {
  const rule = (name: string, change: number, time: string, month: number): string =>
    `<t:${name}><t:Bias>${change}</t:Bias><t:Time>${time}</t:Time><t:DayOrder>${month === 0 ? 0 : 5}</t:DayOrder>` +
    `<t:Month>${month}</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:${name}>`;
  const rules = daylight
    ? rule('StandardTime', 0, '03:00:00', 10) + rule('DaylightTime', -60, '02:00:00', 3)
    : rule('StandardTime', 0, '00:00:00', 0) + rule('DaylightTime', 0, '00:00:00', 0);
  return `<t:TimeZone><t:Bias>${bias}</t:Bias>${rules}</t:TimeZone>`;
}

/** A request for free/busy; by default for alice@example.test on 9 January 2026 in UTC. */
export function availabilityRequest(parts: RequestParts = {}): string {
  const { mailboxes = ['alice@example.test'], version = 'Exchange2013', view = 'FreeBusy', headers = '' } = parts;
  const { start = '2026-01-09T00:00:00', end = '2026-01-10T00:00:00', timeZone: zone = utc } = parts;
  const asked = mailboxes.map(
    (mailbox) =>
      `<t:MailboxData><t:Email><t:Address>${mailbox}</t:Address></t:Email>` +
      '<t:AttendeeType>Required</t:AttendeeType><t:ExcludeConflicts>false</t:ExcludeConflicts></t:MailboxData>',
  );
  return (
    `<?xml version="1.0" encoding="utf-8"?>\n<s:Envelope xmlns:s="${SOAP}" xmlns:m="${MESSAGES}" xmlns:t="${TYPES}">` +
    `<s:Header><t:RequestServerVersion Version="${version}"/>${headers}</s:Header><s:Body>` +
    `<m:GetUserAvailabilityRequest>${zone}<m:MailboxDataArray>${asked.join('')}</m:MailboxDataArray>` +
    `<t:FreeBusyViewOptions><t:TimeWindow><t:StartTime>${start}</t:StartTime><t:EndTime>${end}</t:EndTime></t:TimeWindow>` +
    `<t:MergedFreeBusyIntervalInMinutes>30</t:MergedFreeBusyIntervalInMinutes><t:RequestedView>${view}</t:RequestedView>` +
    '</t:FreeBusyViewOptions></m:GetUserAvailabilityRequest></s:Body></s:Envelope>'
  );
}

/** Posts a message as EWS wants it; `headers` replace those that are usual. */
export async function post(
  simulator: ExchangeSimulator,
  body: string | Buffer = availabilityRequest(),
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const authorization = `Basic ${Buffer.from('gateway:secret').toString('base64')}`;
  return await fetch(simulator.url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'text/xml; charset=utf-8', authorization, ...headers },
    redirect: 'manual',
    signal: AbortSignal.timeout(5_000),
  });
}

/** The texts of all elements of a name, whatever their prefix, in their order. */
export function texts(xml: string, local: string): readonly string[] {
  const elements = xml.matchAll(new RegExp(`<(?:\\w+:)?${local}(?: [^>]*)?>([^<]*)</(?:\\w+:)?${local}>`, 'g'));
  return [...elements].map(([, text = '']) => text);
}
