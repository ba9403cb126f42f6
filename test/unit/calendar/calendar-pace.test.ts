import { describe, expect, test } from 'vitest';
import type { CalendarSource, FreeBusyAnswer } from '../../../component/calendar/calendar-source.ts';
import { CalendarSync } from '../../../component/calendar/calendar-sync.ts';
import { RequestBudget } from '../../../component/calendar/request-budget.ts';
import { type BusyPeriod, buildTimeline, type Timeline } from '../../../component/calendar/timeline.ts';
import { HOUR, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { Random } from '../../support/random.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const START = Date.UTC(2026, 0, 5, 9);
const many = (count: number) => Array.from({ length: count }, (_, i) => `user${i}@example.com`);

function meetingAt(start: number): BusyPeriod {
  return { start, end: start + HOUR / 2, status: 'Busy' };
}

/** A server that always answers: every calendar has the same entries. */
function setUp(periods: readonly BusyPeriod[] = []) {
  const clock = new FakeClock(START);
  const asked: { readonly at: number; readonly mailbox: string }[] = [];
  const timeline = buildTimeline(periods, { start: START - HOUR, end: START + 96 * HOUR }, START);
  const timelines = new Map<string, Timeline>();
  const budget = new RequestBudget({ concurrency: 10, random: () => 0.5 });
  const source: CalendarSource = {
    ...{ name: 'hq', batchSize: 100, budget, changes: undefined },
    freeBusy: (mailboxes) =>
      budget.run(clock, async () => {
        for (const mailbox of mailboxes) asked.push({ at: clock.now() - START, mailbox });
        return mailboxes.map((mailbox): FreeBusyAnswer => ({ mailbox, periods }));
      }),
  };
  const numbers = new Random(1);
  const random = () => numbers.next();
  const sync = new CalendarSync({
    ...{ clock, random, logger: new RecordingLogger(), route: () => source },
    ...{ refresh: 5 * MINUTE, refreshNear: 2 * MINUTE, refreshIdle: 30 * MINUTE, coalesce: SECOND },
    window: { past: HOUR, future: 48 * HOUR },
    timelineOf: (mailbox) => timelines.get(mailbox),
    onAnswer: ({ mailbox }, at) => timelines.set(mailbox, { ...timeline, fetchedAt: at }),
  });
  sync.start();
  /** When a mailbox was asked for, in minutes. */
  const minutes = (mailbox: string) => asked.filter((it) => it.mailbox === mailbox).map(({ at }) => at / MINUTE);
  return { clock, sync, asked, minutes };
}

describe('the pace of a mailbox', () => {
  test('is slow while nobody looks, and quick for an hour after somebody did', async () => {
    const { clock, sync, minutes } = setUp();
    sync.watch('alice');
    await clock.pass(3 * HOUR);
    const before = minutes('alice').length;
    expect(before).toBeGreaterThanOrEqual(6);
    expect(before).toBeLessThanOrEqual(9);
    sync.touch('alice');
    await clock.pass(4.1 * MINUTE);
    expect(minutes('alice').length).toBe(before + 1);
    await clock.pass(HOUR);
    expect(minutes('alice').length).toBeGreaterThanOrEqual(before + 12);
    const after = minutes('alice').length;
    await clock.pass(2 * HOUR);
    expect(minutes('alice').length).toBeLessThanOrEqual(after + 7);
  });

  test('is not quickened by who looks at a mailbox that nobody watches', async () => {
    const { clock, sync, asked } = setUp();
    sync.touch('alice');
    await clock.pass(HOUR);
    expect(asked).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('is quick around a meeting’s start and end, and never quicker than that', async () => {
    const { clock, sync, minutes } = setUp([{ start: START + HOUR, end: START + 2 * HOUR, status: 'Busy' }]);
    sync.watch('alice');
    for (const mailbox of many(300)) sync.watch(mailbox);
    await clock.pass(3 * HOUR);
    const around = (minute: number) => minutes('alice').filter((at) => at > minute - 10 && at < minute + 4);
    expect(around(60).length).toBeGreaterThanOrEqual(5);
    expect(around(120).length).toBeGreaterThanOrEqual(5);
    expect(around(90).length).toBeLessThanOrEqual(1);
    const pauses = minutes('alice').map((at, i, all) => at - (all[i - 1] ?? Number.NEGATIVE_INFINITY));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(2);
  });
});

describe.each([
  ['idle', [], false],
  ['lively for the first hour', [], true],
  ['with a meeting from every :00 to :30', Array.from({ length: 12 }, (_, i) => meetingAt(START + i * HOUR)), false],
])('5,000 mailboxes that begin at :00, %s', (_name, periods, isTouched) => {
  test('are asked for evenly, at :00 and :30 as at any other time', async () => {
    const { clock, sync, asked } = setUp(periods);
    for (const mailbox of many(5000)) sync.watch(mailbox);
    await clock.pass(10 * SECOND);
    expect(new Set(asked.map(({ mailbox }) => mailbox)).size).toBe(5000);
    if (isTouched) for (const mailbox of many(5000)) sync.touch(mailbox);
    await clock.pass(2 * HOUR);
    asked.length = 0;
    await clock.pass(HOUR);
    const buckets = new Array<number>(360).fill(0);
    for (const { at } of asked) {
      const bucket = Math.floor((at - 2 * HOUR - 10 * SECOND) / (10 * SECOND));
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    const mean = asked.length / buckets.length;
    expect(mean).toBeGreaterThan(20);
    expect(Math.max(...buckets)).toBeLessThan(3 * mean);
    const minute = (from: number) => buckets.slice(from * 6, from * 6 + 6).reduce((a, b) => a + b, 0);
    // The minutes that begin at :00 and :30, against those around them.
    for (const begin of [0, 30]) {
      const around = [-3, -2, -1, 1].map((offset) => minute((begin + offset + 60) % 60));
      expect(minute(begin)).toBeLessThan((1.3 * around.reduce((a, b) => a + b, 0)) / around.length);
    }
  });
});
