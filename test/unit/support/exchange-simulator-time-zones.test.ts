import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { availabilityRequest, post, texts, timeZone } from '../../support/exchange-simulator/availability-client.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import { ianaZone, offsetAt } from '../../support/exchange-simulator/iana-zone.ts';
import { fromWallClock, toWallClock } from '../../support/exchange-simulator/time-zone.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const YEAR = Date.UTC(2026, 0, 1);

/** Both hemispheres, half hours, no changes at all, and changes on Fridays, Saturdays and first, second and last Sundays. */
const zones = [
  'UTC',
  'Europe/Berlin',
  'Europe/Dublin',
  'America/New_York',
  'America/St_Johns',
  'America/Santiago',
  'Australia/Adelaide',
  'Australia/Lord_Howe',
  'Pacific/Auckland',
  'Asia/Jerusalem',
  'Asia/Kolkata',
  'Africa/Cairo',
];

describe.each(zones)('the rules of %s', (name) => {
  const zone = ianaZone(name, YEAR);

  test('give the wall clock that Intl gives, at every hour of the year and every minute around a change', () => {
    for (let at = YEAR; at < YEAR + 365 * 24 * HOUR; at += HOUR) {
      const offset = offsetAt(name, at);
      if (toWallClock(zone, at) - at !== offset * MINUTE)
        expect([at, toWallClock(zone, at)]).toEqual([at, at + offset * MINUTE]);
      if (offset === offsetAt(name, at + HOUR)) continue;
      for (let minute = at; minute <= at + HOUR; minute += MINUTE) {
        expect([minute, toWallClock(zone, minute)]).toEqual([minute, minute + offsetAt(name, minute) * MINUTE]);
      }
    }
  });

  test('lead back from the wall clock, in the hour that comes twice to the later time', () => {
    for (let at = YEAR; at < YEAR + 365 * 24 * HOUR; at += HOUR / 2) {
      const wall = toWallClock(zone, at);
      const back = fromWallClock(zone, wall);
      if (toWallClock(zone, back) !== wall) expect([at, back]).toEqual([at, at]);
      if (back !== at) expect([at, offsetAt(name, back) < offsetAt(name, at)]).toEqual([at, true]);
    }
  });
});

describe('an answer', () => {
  let exchange: ExchangeSimulator;

  beforeEach(async () => {
    exchange = await startExchangeSimulator({ schemas: '' });
    exchange.calendars.addMailbox('alice@example.test');
  });

  afterEach(async () => {
    await exchange.stop();
  });

  async function timesOn(day: string, firstHour: number): Promise<readonly string[]> {
    const midnight = Date.parse(`${day}T00:00:00Z`);
    for (let hour = firstHour; hour < firstHour + 3; hour++) {
      const start = midnight + hour * HOUR;
      exchange.calendars.book('alice@example.test', { start, end: start + HOUR });
    }
    const berlin = timeZone({ bias: -60, daylight: true });
    const window = { start: `${day}T00:00:00`, end: `${day}T23:00:00` };
    const response = await post(exchange, availabilityRequest({ timeZone: berlin, ...window }));
    return texts(await response.text(), 'StartTime');
  }

  test('has the offset of each time in the style of Exchange 2007, on both nights of change', async () => {
    exchange.faults.set({ kind: 'response-style', offsets: 'zone' });
    expect(await timesOn('2026-03-29', 0)).toEqual([
      '2026-03-29T01:00:00+01:00',
      '2026-03-29T03:00:00+02:00',
      '2026-03-29T04:00:00+02:00',
    ]);
    expect(await timesOn('2026-10-25', 0)).toEqual([
      '2026-10-25T02:00:00+02:00',
      '2026-10-25T02:00:00+01:00',
      '2026-10-25T03:00:00+01:00',
    ]);
  });

  test('has no offset in the style of today, so that an hour comes twice', async () => {
    expect(await timesOn('2026-10-25', 0)).toEqual([
      '2026-10-25T02:00:00',
      '2026-10-25T02:00:00',
      '2026-10-25T03:00:00',
    ]);
  });

  test('tells the working hours in the zone of each mailbox', async () => {
    exchange.calendars.addMailbox('bob@example.test', { zone: 'America/New_York' });
    exchange.calendars.addMailbox('carol@example.test', { zone: 'Asia/Kolkata' });
    const mailboxes = ['alice@example.test', 'bob@example.test', 'carol@example.test'];
    const answer = await (await post(exchange, availabilityRequest({ mailboxes }))).text();
    const none = ['0', '0'];
    expect(texts(answer, 'Bias')).toEqual(['-60', '0', '-60', '300', '0', '-60', '-330', ...none]);
    expect(texts(answer, 'Month')).toEqual(['10', '3', '11', '3', ...none]);
    expect(texts(answer, 'DayOrder')).toEqual(['5', '5', '1', '2', ...none]);
    expect(texts(answer, 'Time')).toEqual(['03:00:00', '02:00:00', '02:00:00', '02:00:00', '00:00:00', '00:00:00']);
  });
});

test('a zone that does not exist is refused', () => {
  expect(() => ianaZone('Europe/Atlantis', YEAR)).toThrow(RangeError);
});
