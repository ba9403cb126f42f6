import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDateTime } from '../../../../adapters/ews/xml/date-time.ts';
import { fromWallClock, type TimeZone, toWallClock } from '../../../support/exchange-simulator/time-zone.ts';

const HOUR = 3_600_000;
const NINE = Date.UTC(2026, 2, 2, 9);
const FIRST = Date.parse('0001-01-01T00:00:00Z');
const LAST = Date.parse('9999-12-31T23:59:59Z');

describe('times', () => {
  test.each([
    ['2026-03-02T09:00:00', NINE],
    [' 2026-03-02T09:00:00\n', NINE],
    ['\t2026-03-02T09:00:00Z ', NINE],
    ['2026-03-02T09:00:00Z', NINE],
    ['2026-03-02T09:00:00.000Z', NINE],
    ['2026-03-02T09:00:00.5', NINE + 500],
    ['2026-03-02T09:00:00.1234567', NINE + 123],
    ['2026-03-02T09:00:00.9999999+00:00', NINE + 999],
    ['2026-03-02T10:30:00+01:30', NINE],
    ['2026-03-02T01:00:00-08:00', NINE],
    ['2026-03-01T19:00:00-14:00', NINE],
    ['2026-03-02T09:00:00-00:00', NINE],
    ['2026-03-01T24:00:00', NINE - 9 * HOUR],
    ['2026-03-01T24:00:00.000+02:00', NINE - 11 * HOUR],
    ['2026-12-31T23:59:60', Date.UTC(2027, 0)],
    ['2024-02-29T00:00:00', Date.UTC(2024, 1, 29)],
    ['2000-02-29T00:00:00', Date.UTC(2000, 1, 29)],
    ['0001-01-01T00:00:00', FIRST],
    ['9999-12-31T23:59:59.9999999', LAST + 999],
  ])('%j is an instant', (text, instant) => {
    expect(parseDateTime(text)).toBe(instant);
  });

  test.each([
    ...['', ' ', 'soon', '2026-03-02', '2026-03-02T09:00', '09:00:00', '2026-03-02 09:00:00', '2026-3-2T09:00:00'],
    ...['2026-02-02T25:00:00', '2026-03-02T24:00:01', '2026-03-02T24:00:00.1', '2026-03-02T09:60:00'],
    ...['2026-03-02T09:00:61', '2026-00-02T09:00:00', '2026-13-02T09:00:00', '2026-03-00T09:00:00'],
    ...['2026-02-29T00:00:00', '1900-02-29T00:00:00', '2026-04-31T00:00:00', '2026-02-30T00:00:00'],
    ...['0000-01-01T00:00:00', '-2026-03-02T09:00:00', '+012026-03-02T09:00:00', '12026-03-02T09:00:00'],
    ...['x2026-03-02T09:00:00', '2026-03-02T09:00:00x', '2026-03-02T09:00:00.', '2026-03-02T09:00:00,5'],
    ...['2026-03-02T09:00:00+1:00', '2026-03-02T09:00:00+0100', '2026-03-02T09:00:00+14:01'],
    ...['2026-03-02T09:00:00+01:60', '2026-03-02T09:00:00z', '2026-03-02T09:00:00 Z', '２026-03-02T09:00:00'],
  ])('%j is none', (text) => {
    expect(parseDateTime(text)).toBeNaN();
  });

  test('are read as they were written, whatever the year and the offset', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: FIRST / 1000 + 50_400, max: LAST / 1000 - 50_400 }),
        fc.integer({ min: -840, max: 840 }),
        (seconds, offset) => {
          const text = new Date(seconds * 1000 + offset * 60_000).toISOString().slice(0, 19);
          const sign = offset < 0 ? '-' : '+';
          const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
          const written = `${text}${sign}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
          expect(parseDateTime(written)).toBe(seconds * 1000);
          expect(parseDateTime(new Date(seconds * 1000).toISOString().slice(0, 19))).toBe(seconds * 1000);
        },
      ),
    );
  });
});

/** Central Europe: from 02:00 to 03:00 on the last Sunday of March, back from 03:00 to 02:00 on the last of October. */
const berlin: TimeZone = {
  bias: -60,
  standard: { bias: 0, month: 10, dayOrder: 5, weekday: 'Sunday', time: 3 * HOUR },
  daylight: { bias: -60, month: 3, dayOrder: 5, weekday: 'Sunday', time: 2 * HOUR },
};

describe('times in the nights in which the clocks change', () => {
  // Every half hour from midnight to six, by UTC.
  const night = (year: number, month: number, day: number) =>
    Array.from({ length: 13 }, (_, index) => Date.UTC(year, month - 1, day) + (index * HOUR) / 2);

  test.each([
    ['spring', night(2026, 3, 29)],
    ['autumn', night(2026, 10, 25)],
  ])('are exact in %s where they carry their offset, as those of Exchange 2007 do', (_season, instants) => {
    const read = instants.map((instant) => {
      const wall = toWallClock(berlin, instant);
      const offset = (wall - instant) / HOUR;
      return parseDateTime(`${new Date(wall).toISOString().slice(0, 19)}+0${offset}:00`);
    });
    expect(read).toEqual(instants);
    expect(new Set(read).size).toBe(instants.length);
  });

  test('are exact without an offset, for we ask in UTC; in a local zone an hour of autumn would be lost', () => {
    for (const instants of [night(2026, 3, 29), night(2026, 10, 25)]) {
      expect(instants.map((instant) => parseDateTime(new Date(instant).toISOString().slice(0, 19)))).toEqual(instants);
    }
    const inBerlin = night(2026, 10, 25).map((instant) => fromWallClock(berlin, toWallClock(berlin, instant)));
    expect(inBerlin).not.toEqual(night(2026, 10, 25));
  });
});
