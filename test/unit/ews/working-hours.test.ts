import { describe, expect, test } from 'vitest';
import { GetUserAvailabilityReader } from '../../../adapters/ews/get-user-availability.ts';
import { SoapReader } from '../../../adapters/ews/xml/soap.ts';
import type { WorkingHours } from '../../../component/calendar/working-hours.ts';
import { workingSpanAt } from '../../../component/calendar/working-hours.ts';
import { HOUR } from '../../../component/runtime/clock.ts';

const NINE = Date.UTC(2026, 2, 2, 9);
const TYPES = 'xmlns="http://schemas.microsoft.com/exchange/services/2006/types"';

/** As the documentation of GetUserAvailability has it, for Pacific time before 2007. */
const hours = `<WorkingHours ${TYPES}>
  <TimeZone>
    <Bias>480</Bias>
    <StandardTime><Bias>0</Bias><Time>02:00:00</Time><DayOrder>5</DayOrder><Month>10</Month><DayOfWeek>Sunday</DayOfWeek></StandardTime>
    <DaylightTime><Bias>-60</Bias><Time>02:00:00</Time><DayOrder>1</DayOrder><Month>4</Month><DayOfWeek>Sunday</DayOfWeek></DaylightTime>
  </TimeZone>
  <WorkingPeriodArray>
    <WorkingPeriod>
      <DayOfWeek>Monday Tuesday Wednesday Thursday Friday</DayOfWeek>
      <StartTimeInMinutes>480</StartTimeInMinutes><EndTimeInMinutes>1020</EndTimeInMinutes>
    </WorkingPeriod>
  </WorkingPeriodArray>
</WorkingHours>`;

/** What an answer says of mailboxes that have such `WorkingHours`. */
function read(...views: string[]): readonly (WorkingHours | undefined)[] {
  const responses = views.map(
    (view) =>
      '<FreeBusyResponse><ResponseMessage ResponseClass="Success"><ResponseCode>NoError</ResponseCode></ResponseMessage>' +
      `<FreeBusyView><FreeBusyViewType ${TYPES}>FreeBusy</FreeBusyViewType><CalendarEventArray ${TYPES}/>${view}</FreeBusyView></FreeBusyResponse>`,
  );
  const reader = new GetUserAvailabilityReader({ start: NINE, end: NINE + HOUR });
  const soap = new SoapReader(reader);
  soap.write(
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>' +
      '<GetUserAvailabilityResponse xmlns="http://schemas.microsoft.com/exchange/services/2006/messages">' +
      `<FreeBusyResponseArray>${responses.join('')}</FreeBusyResponseArray></GetUserAvailabilityResponse></s:Body></s:Envelope>`,
  );
  expect(soap.end().problem).toBeUndefined();
  const names = views.map((_, index) => `user${index}@example.com`);
  return reader.answers(names, undefined).map((answer) => {
    if ('error' in answer) throw answer.error;
    expect(answer.periods).toEqual([]);
    return answer.hours;
  });
}

describe('working hours', () => {
  test('are read with the zone that they are in', () => {
    const [read1] = read(hours);
    expect(read1).toEqual({
      zone: {
        bias: 480,
        standard: { bias: 0, month: 10, order: 5, weekday: 0, minute: 120 },
        daylight: { bias: -60, month: 4, order: 1, weekday: 0, minute: 120 },
      },
      periods: [{ days: [1, 2, 3, 4, 5], from: 480, to: 1020 }],
    });
    // Monday, 9:00 UTC: an hour after midnight in California.
    expect(read1 && workingSpanAt(read1, NINE)).toMatchObject({ isWorking: false, until: NINE + 7 * HOUR });
  });

  test('that are equal are the same object, however they are written', () => {
    const [first, second, other, third] = read(
      hours,
      hours.replace(/>\s+</g, '><'),
      hours.replace('480</Start', '481</Start'),
      hours,
    );
    expect(second).toBe(first);
    expect(third).toBe(first);
    expect(other).not.toEqual(first);
  });

  test('may be several, on days that have a word together, and none', () => {
    const period = /<WorkingPeriod>.*<\/WorkingPeriod>/s;
    const written = (days: string, from: number, to: number) =>
      `<WorkingPeriod><DayOfWeek>${days}</DayOfWeek><StartTimeInMinutes>${from}</StartTimeInMinutes><EndTimeInMinutes>${to}</EndTimeInMinutes></WorkingPeriod>`;
    const periods = `${written('Weekday', 480, 1020)}${written('WeekendDay', 0, 1440)}${written(' Day\n', 1380, 60)}`;
    expect(read(hours.replace(period, periods))[0]?.periods).toEqual([
      { days: [1, 2, 3, 4, 5], from: 480, to: 1020 },
      { days: [0, 6], from: 0, to: 1440 },
      { days: [0, 1, 2, 3, 4, 5, 6], from: 1380, to: 60 },
    ]);
    expect(read(hours.replace(period, ''))[0]?.periods).toEqual([]);
  });

  test('may be in a zone whose clocks never change', () => {
    const never = hours.replace(/<DayOrder>\d<\/DayOrder><Month>\d+</g, '<DayOrder>0</DayOrder><Month>0<');
    expect(read(never)[0]?.zone).toMatchObject({ standard: { month: 0 }, daylight: { month: 0 } });
  });

  test.each([
    ['a zone without its changes', hours.replace(/<StandardTime>.*<\/DaylightTime>/s, '')],
    [
      'a change in one year only',
      hours.replace('</DayOfWeek></StandardTime>', '</DayOfWeek><Year>2026</Year></StandardTime>'),
    ],
    ['a month that is none', hours.replace('<Month>10', '<Month>13')],
    ['the none-th Sunday', hours.replace('<DayOrder>5', '<DayOrder>0')],
    ['a weekday in another language', hours.replace('Monday Tuesday', 'Montag')],
    ['a bias of days', hours.replace('<Bias>480', '<Bias>4800')],
    ['a time that is none', hours.replace('02:00:00', '99:00:00')],
    ['more minutes than a day has', hours.replace('1020', '1441')],
    ['an element that is unknown', hours.replace('<WorkingPeriodArray>', '<Lunch/><WorkingPeriodArray>')],
    [
      'more periods than a week has use for',
      hours.replace(/<WorkingPeriod>.*<\/WorkingPeriod>/s, (one) => one.repeat(50)),
    ],
    ['a text that is too long', hours.replace('Monday', `Monday${' Monday'.repeat(20)}`)],
    ['nothing', ''],
  ])('with %s are none, and the entries count all the same', (_, written) => {
    expect(written).not.toBe(hours);
    expect(read(written, hours)).toEqual([undefined, read(hours)[0]]);
  });
});
