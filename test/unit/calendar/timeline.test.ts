import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { busyStatuses, precedence } from '../../../component/calendar/busy-status.ts';
import { stretchAt } from '../../../component/calendar/shown-calendar.ts';
import { type BusyPeriod, buildTimeline, firstChange, type Timeline } from '../../../component/calendar/timeline.ts';

const window = { start: 0, end: 100 };
const period = (start: number, end: number, status: BusyPeriod['status'] = 'Busy'): BusyPeriod => ({
  start,
  end,
  status,
});

/** What it shows when nothing is passed over. */
const shown = (timeline: Timeline, at: number) =>
  stretchAt(timeline, at, { allDay: {}, shortest: 0, hours: undefined });
const statusAt = (timeline: Timeline, at: number) => shown(timeline, at).status;
const nextTransition = (timeline: Timeline, at: number) => shown(timeline, at).until;

describe('a timeline', () => {
  test('is Free where nothing is booked, and unknown outside its window', () => {
    const timeline = buildTimeline([], window, 7);
    expect(timeline.fetchedAt).toBe(7);
    expect([statusAt(timeline, -1), statusAt(timeline, 0), statusAt(timeline, 99), statusAt(timeline, 100)]).toEqual([
      'NoData',
      'Free',
      'Free',
      'NoData',
    ]);
  });

  test('is busy from a meeting’s first instant to its last', () => {
    const timeline = buildTimeline([period(10, 20)], window, 0);
    expect([9, 10, 19, 20].map((at) => statusAt(timeline, at))).toEqual(['Free', 'Busy', 'Busy', 'Free']);
    expect(nextTransition(timeline, 5)).toBe(10);
    expect(nextTransition(timeline, 10)).toBe(20);
    expect(shown(timeline, 15).since).toBe(10);
  });

  test('merges touching and overlapping periods of one status into one', () => {
    const timeline = buildTimeline([period(10, 20), period(20, 30), period(25, 40)], window, 0);
    expect(timeline.changes).toEqual([0, 10, 40]);
    expect(timeline.changes.map((at) => statusAt(timeline, at))).toEqual(['Free', 'Busy', 'Free']);
  });

  test('lets out of office win over everything, and Free over what is unknown', () => {
    const timeline = buildTimeline(
      [period(0, 50, 'NoData'), period(10, 40, 'Free'), period(20, 40, 'Busy'), period(30, 35, 'OOF')],
      window,
      0,
    );
    expect([5, 15, 25, 32, 37, 45, 55].map((at) => statusAt(timeline, at))).toEqual([
      'NoData',
      'Free',
      'Busy',
      'OOF',
      'Busy',
      'NoData',
      'Free',
    ]);
  });

  test('clips what reaches beyond the window and ignores what makes no sense', () => {
    const timeline = buildTimeline(
      [period(-50, 10), period(90, 500), period(30, 20), period(40, 40), period(Number.NaN, 50), period(200, 300)],
      window,
      0,
    );
    expect(timeline.changes).toEqual([0, 10, 90]);
    expect(timeline.changes.map((at) => statusAt(timeline, at))).toEqual(['Busy', 'Free', 'Busy']);
  });
});

const periods = fc.array(
  fc
    .record({
      start: fc.integer({ min: -20, max: 120 }),
      length: fc.integer({ min: 0, max: 60 }),
      status: fc.constantFrom(...busyStatuses),
    })
    .map(({ start, length, status }) => ({ start, end: start + length, status })),
  { maxLength: 30 },
);

/** The definition, instant by instant. */
function directly(booked: readonly BusyPeriod[], at: number): string {
  if (at < window.start || at >= window.end) return 'NoData';
  const here = booked.filter(({ start, end }) => start <= at && at < end).map(({ status }) => status);
  return here.length === 0 ? 'Free' : here.reduce((a, b) => (precedence(b) > precedence(a) ? b : a));
}

test('at every instant a timeline says what the entry of highest precedence says', () => {
  fc.assert(
    fc.property(periods, (booked) => {
      const timeline = buildTimeline(booked, window, 0);
      for (let at = -2; at < 103; at++) expect(statusAt(timeline, at)).toBe(directly(booked, at));
    }),
  );
});

test('the next transition is the first later instant in the window at which the status differs', () => {
  fc.assert(
    fc.property(periods, fc.integer({ min: 0, max: 99 }), (booked, after) => {
      const timeline = buildTimeline(booked, window, 0);
      let expected: number | undefined;
      for (let at = after + 1; at < 100 && expected === undefined; at++) {
        if (directly(booked, at) !== directly(booked, after)) expected = at;
      }
      expect(nextTransition(timeline, after)).toBe(expected);
    }),
  );
});

test('the first change is one of the calendar, not one of the window', () => {
  const timeline = buildTimeline([period(-50, 10), period(90, 500)], window, 0);
  expect(firstChange(timeline, -5)).toBe(10);
  expect(firstChange(timeline, 10)).toBe(90);
  expect(firstChange(timeline, 90)).toBeUndefined();
  expect(firstChange(buildTimeline([], window, 0), -5)).toBeUndefined();
});

test('the order in which entries come makes no difference', () => {
  fc.assert(
    fc.property(periods, (booked) => {
      expect(buildTimeline([...booked].reverse(), window, 0)).toEqual(buildTimeline(booked, window, 0));
    }),
  );
});
