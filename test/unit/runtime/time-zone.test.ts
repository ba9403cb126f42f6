import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../../component/runtime/clock.ts';
import {
  instantOf,
  isDayStart,
  isZoneName,
  localDay,
  type ZoneRule,
  zoneOffset,
} from '../../../component/runtime/time-zone.ts';

/** Germany's rule as Exchange writes it. */
const BERLIN: ZoneRule = {
  bias: -60,
  standard: { bias: 0, month: 10, order: 5, weekday: 0, minute: 180 },
  daylight: { bias: -60, month: 3, order: 5, weekday: 0, minute: 120 },
};
/** The south: summer is around New Year. */
const SYDNEY: ZoneRule = {
  bias: -600,
  standard: { bias: 0, month: 4, order: 1, weekday: 0, minute: 180 },
  daylight: { bias: -60, month: 10, order: 1, weekday: 0, minute: 120 },
};
const KOLKATA: ZoneRule = {
  bias: -330,
  standard: { bias: 0, month: 0, order: 0, weekday: 0, minute: 0 },
  daylight: { bias: 0, month: 0, order: 0, weekday: 0, minute: 0 },
};
const at = (text: string): number => Date.parse(text);

test.each([
  [BERLIN, 'Europe/Berlin'],
  [SYDNEY, 'Australia/Sydney'],
  [KOLKATA, 'Asia/Kolkata'],
] as const)('a rule says the same as the database of zones, at every instant of these years', (rule, name) => {
  fc.assert(
    fc.property(fc.integer({ min: at('2023-01-01T00:00Z'), max: at('2029-12-31T00:00Z') }), (instant) => {
      expect(zoneOffset(rule, instant)).toBe(zoneOffset(name, instant));
    }),
    { numRuns: 2000 },
  );
});

test('the clocks change on the second', () => {
  const change = at('2026-03-29T01:00:00Z');
  for (const zone of [BERLIN, 'Europe/Berlin']) {
    expect([zoneOffset(zone, change - 1), zoneOffset(zone, change)]).toEqual([HOUR, 2 * HOUR]);
    const back = at('2026-10-25T01:00:00Z');
    expect([zoneOffset(zone, back - 1), zoneOffset(zone, back)]).toEqual([2 * HOUR, HOUR]);
  }
});

describe('a day begins', () => {
  test.each([
    ['Europe/Berlin', '2026-06-30T22:00:00Z'],
    ['Asia/Kathmandu', '2026-06-30T18:15:00Z'],
    ['America/St_Johns', '2026-07-01T02:30:00Z'],
    ['Pacific/Kiritimati', '2026-06-30T10:00:00Z'],
    // The clocks go from midnight to one: there is no midnight.
    ['Asia/Beirut', '2026-03-28T22:00:00Z'],
  ])('in %s at %s', (zone, text) => {
    expect(isDayStart(zone, at(text))).toBe(true);
    expect(isDayStart(zone, at(text) - HOUR)).toBe(false);
    expect(isDayStart(zone, at(text) + 15 * MINUTE)).toBe(false);
    expect(isDayStart(zone, at(text) + 1)).toBe(false);
  });
});

test('the instant of a local time is the one at which the clocks show it', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<string | ZoneRule>('Europe/Berlin', 'America/New_York', 'Asia/Kolkata', BERLIN, SYDNEY),
      fc.integer({ min: at('2026-01-01T00:00Z'), max: at('2027-01-01T00:00Z') }),
      (zone, instant) => {
        const local = instant + zoneOffset(zone, instant);
        const found = instantOf(zone, local);
        expect(found + zoneOffset(zone, found)).toBe(local);
        expect(found).toBeLessThanOrEqual(instant);
        expect(localDay(zone, found)).toBe(Math.floor(local / DAY));
      },
    ),
  );
});

test('a local time that the clocks skip is as much after the change', () => {
  expect(instantOf('Europe/Berlin', at('2026-03-29T02:30:00Z'))).toBe(at('2026-03-29T01:30:00Z'));
});

test('names of zones are told from others', () => {
  expect(['Europe/Berlin', 'UTC', 'Europe/Atlantis', '', 'W. Europe Standard Time'].map(isZoneName)).toEqual([
    ...[true, true, false, false, false],
  ]);
});
