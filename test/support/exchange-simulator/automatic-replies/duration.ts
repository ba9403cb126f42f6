// docs: Duration (UserOofSettings), https://learn.microsoft.com/exchange/client-developer/web-service-reference/duration-useroofsettings

import { namesOf, type ResponseStyle, writeText } from '../soap.ts';
import { timeWriter } from '../time-writer.ts';
import { utc } from '../time-zone.ts';

/** Times are in UTC whatever zone the request has named; epoch milliseconds. */
export function writeDuration(style: ResponseStyle, start: number, end: number): string {
  const { t } = namesOf(style);
  const time = timeWriter(style, utc);
  const [first, last] = [writeText(style, time(start)), writeText(style, time(end))];
  return `<${t}Duration><${t}StartTime>${first}</${t}StartTime><${t}EndTime>${last}</${t}EndTime></${t}Duration>`;
}
