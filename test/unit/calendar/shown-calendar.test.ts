import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { busyStatuses } from '../../../component/calendar/busy-status.ts';
import { type CalendarRules, stretchAt } from '../../../component/calendar/shown-calendar.ts';
import { type BusyPeriod, buildTimeline } from '../../../component/calendar/timeline.ts';
import type { WorkingHours } from '../../../component/calendar/working-hours.ts';
import { DAY, HOUR, MINUTE } from '../../../component/runtime/clock.ts';

const plain: CalendarRules = { allDay: {}, shortest: 0, hours: undefined };
const NINE_TO_FIVE: WorkingHours = {
  zone: 'Europe/Berlin',
  periods: [{ days: [1, 2, 3, 4, 5], from: 9 * 60, to: 17 * 60 }],
};
/** A Monday in Berlin, where it is an hour later than in UTC. */
const MONDAY = Date.UTC(2026, 0, 5);
const window = { start: MONDAY - HOUR, end: MONDAY + 5 * DAY };
const berlin = (day: number, hours: number, minutes = 0) => MONDAY + day * DAY + (hours - 1) * HOUR + minutes * MINUTE;
const busy = (start: number, end: number, status: BusyPeriod['status'] = 'Busy'): BusyPeriod => ({
  start,
  end,
  status,
});

describe('all-day entries', () => {
  const vacation = buildTimeline(
    [
      busy(berlin(1, 0), berlin(2, 0)),
      busy(berlin(1, 10), berlin(1, 11), 'Tentative'),
      busy(berlin(2, 0), berlin(2, 23, 30)),
    ],
    window,
    MONDAY,
    NINE_TO_FIVE,
  );
  const statusAt = (at: number, rules: CalendarRules) => stretchAt(vacation, at, rules).status;

  test('count as what they say when no rule is there', () => {
    expect(statusAt(berlin(1, 12), plain)).toBe('Busy');
  });

  test('can be overlooked: then what is below them shows', () => {
    const rules = { ...plain, allDay: { Busy: 'Free' } } as const;
    expect(statusAt(berlin(1, 12), rules)).toBe('Free');
    expect(statusAt(berlin(1, 10, 30), rules)).toBe('Tentative');
    // From midnight to half past eleven is no whole day.
    expect(statusAt(berlin(2, 12), rules)).toBe('Busy');
  });

  test('can count as something else', () => {
    expect(statusAt(berlin(1, 12), { ...plain, allDay: { Busy: 'OOF' } })).toBe('OOF');
  });

  test('are those of the mailbox’s zone, also over a change of the clocks', () => {
    const sunday = [Date.parse('2026-03-29T00:00:00+01:00'), Date.parse('2026-03-30T00:00:00+02:00')] as const;
    const spring = buildTimeline([busy(...sunday)], { start: sunday[0] - DAY, end: sunday[1] + DAY }, 0, NINE_TO_FIVE);
    const rules = { ...plain, allDay: { Busy: 'Free' } } as const;
    expect(stretchAt(spring, sunday[0] + HOUR, rules).status).toBe('Free');
    const elsewhere = { ...NINE_TO_FIVE, zone: 'UTC' };
    const utc = buildTimeline([busy(...sunday)], { start: sunday[0] - DAY, end: sunday[1] + DAY }, 0, elsewhere);
    expect(stretchAt(utc, sunday[0] + HOUR, rules).status).toBe('Busy');
  });
});

describe('what is shorter than the shortest', () => {
  const rules = { ...plain, shortest: 5 * MINUTE };
  const show = (periods: readonly BusyPeriod[], at: number) =>
    stretchAt(buildTimeline(periods, window, MONDAY), at, rules);

  test('does not interrupt: meetings with a short pause between them are one', () => {
    const meetings = [busy(berlin(0, 9), berlin(0, 10)), busy(berlin(0, 10, 4), berlin(0, 11))];
    const whole = { status: 'Busy', since: berlin(0, 9), until: berlin(0, 11) };
    for (const at of [berlin(0, 9), berlin(0, 10, 2), berlin(0, 10, 30)]) expect(show(meetings, at)).toEqual(whole);
  });

  test('does not begin either: a meeting of three minutes is not shown', () => {
    const stretch = show([busy(berlin(0, 9), berlin(0, 9, 3))], berlin(0, 9, 1));
    expect(stretch).toEqual({ status: 'Free', since: undefined, until: undefined });
  });

  test('what is just as long as the shortest is shown', () => {
    expect(show([busy(berlin(0, 9), berlin(0, 9, 5))], berlin(0, 9, 1)).status).toBe('Busy');
  });

  test('never stretches what is not known, nor hides it', () => {
    const gap = [busy(berlin(0, 9), berlin(0, 10)), busy(berlin(0, 10), berlin(0, 10, 1), 'NoData')];
    expect(show(gap, berlin(0, 10)).status).toBe('NoData');
    expect(show([...gap, busy(berlin(0, 10, 1), berlin(0, 10, 3))], berlin(0, 10, 2)).status).toBe('Busy');
  });
});

test('tentative time may count as free: then nothing happens in it, and there are working hours in it', () => {
  const maybe = buildTimeline([busy(berlin(0, 16), berlin(0, 18), 'Tentative')], window, MONDAY);
  const show = (at: number, rules: Partial<CalendarRules>) => stretchAt(maybe, at, { ...plain, ...rules });
  expect(show(berlin(0, 16, 30), {}).status).toBe('Tentative');
  const free = { status: 'Free', since: undefined, until: undefined };
  expect(show(berlin(0, 16, 30), { tentativeIsFree: true })).toEqual(free);
  expect(show(berlin(0, 17, 30), { tentativeIsFree: true, hours: NINE_TO_FIVE }).status).toBe('OffHours');
});

describe('working hours', () => {
  const rules = { ...plain, hours: NINE_TO_FIVE };
  const timeline = buildTimeline(
    [busy(berlin(0, 16), berlin(0, 18)), busy(berlin(0, 20), berlin(0, 21)), busy(berlin(1, 8), berlin(1, 9))],
    window,
    MONDAY,
  );

  test('make free time outside of them a status of its own, and nothing else', () => {
    const statuses = [7, 9, 16.5, 17.5, 19, 20.5, 22].map((hour) => stretchAt(timeline, berlin(0, hour), rules).status);
    expect(statuses).toEqual(['OffHours', 'Free', 'Busy', 'Busy', 'OffHours', 'Busy', 'OffHours']);
  });

  test('end stretches where they begin and end', () => {
    expect(stretchAt(timeline, berlin(0, 19), rules)).toMatchObject({ since: berlin(0, 18), until: berlin(0, 20) });
    expect(stretchAt(timeline, berlin(0, 10), rules)).toMatchObject({ since: berlin(0, 9), until: berlin(0, 16) });
    // The night lasts until the meeting at eight.
    expect(stretchAt(timeline, berlin(0, 23), rules)).toMatchObject({ since: berlin(0, 21), until: berlin(1, 8) });
  });

  test('keep to the clocks of their zone when these change', () => {
    const friday = Date.parse('2026-03-27T12:00:00Z');
    const free = buildTimeline([], { start: friday - DAY, end: friday + 5 * DAY }, friday);
    expect(stretchAt(free, friday + DAY, rules)).toEqual({
      status: 'OffHours',
      since: Date.parse('2026-03-27T16:00:00Z'),
      until: Date.parse('2026-03-30T07:00:00Z'),
    });
  });

  test('may end on the next day', () => {
    const night = { zone: 'UTC', periods: [{ days: [1], from: 22 * 60, to: 6 * 60 }] };
    const shown = (at: number) => stretchAt(timeline, at, { ...plain, hours: night }).status;
    expect([MONDAY + 20 * HOUR + 59 * MINUTE, MONDAY + 23 * HOUR, MONDAY + 29 * HOUR].map(shown)).toEqual([
      ...['OffHours', 'Free', 'Free'],
    ]);
  });
});

const periods = fc.array(
  fc
    .record({
      start: fc.integer({ min: 0, max: 300 }),
      length: fc.integer({ min: 0, max: 60 }),
      status: fc.constantFrom(...busyStatuses),
    })
    .map(({ start, length, status }) => busy(start, start + length, status)),
  { maxLength: 12 },
);

test('a stretch is what every instant of it shows, and ends where something else begins', () => {
  fc.assert(
    fc.property(periods, fc.integer({ min: 0, max: 299 }), fc.integer({ min: 0, max: 20 }), (booked, at, shortest) => {
      const timeline = buildTimeline(booked, { start: 0, end: 300 }, 0);
      const rules = { ...plain, shortest };
      const { status, since, until } = stretchAt(timeline, at, rules);
      for (let other = since ?? 0; other < (until ?? 300); other++) {
        expect(stretchAt(timeline, other, rules).status).toBe(status);
      }
      if (since !== undefined) expect(stretchAt(timeline, since - 1, rules).status).not.toBe(status);
      if (until !== undefined) expect(stretchAt(timeline, until, rules).status).not.toBe(status);
    }),
  );
});
