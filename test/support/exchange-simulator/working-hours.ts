// docs: WorkingHours, WorkingPeriod, SerializableTimeZone,
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/workinghours-ex15websvcsotherref

import { ianaZone } from './iana-zone.ts';
import { namesOf, type ResponseStyle } from './soap.ts';
import type { TimeZone, ZoneRule } from './time-zone.ts';

/** Monday to Friday from 8 to 17 in a zone of Intl, by its rules in the year of `at` (epoch ms). */
export function writeWorkingHours(style: ResponseStyle, zoneName: string, at: number): string {
  const { t, openTypes } = namesOf(style);
  const element = (name: string, content: string | number): string => `<${t}${name}>${content}</${t}${name}>`;
  const rule = (name: string, { bias, time, dayOrder, month, weekday }: ZoneRule): string =>
    element(
      name,
      element('Bias', bias) +
        element('Time', new Date(time).toISOString().slice(11, 19)) +
        element('DayOrder', dayOrder) +
        element('Month', month) +
        element('DayOfWeek', weekday),
    );
  const { bias, standard, daylight } = cachedZone(zoneName, at);
  const zone = element('Bias', bias) + rule('StandardTime', standard) + rule('DaylightTime', daylight);
  const period =
    element('DayOfWeek', 'Monday Tuesday Wednesday Thursday Friday') +
    element('StartTimeInMinutes', 480) +
    element('EndTimeInMinutes', 1020);
  const hours = element('TimeZone', zone) + element('WorkingPeriodArray', element('WorkingPeriod', period));
  return `<${t}WorkingHours${openTypes}>${hours}</${t}WorkingHours>`;
}

const zones = new Map<string, TimeZone>();

/** Finding out a zone's rules takes a millisecond. */
function cachedZone(name: string, at: number): TimeZone {
  const key = `${name} ${new Date(at).getUTCFullYear()}`;
  const zone = zones.get(key) ?? ianaZone(name, at);
  zones.set(key, zone);
  return zone;
}
