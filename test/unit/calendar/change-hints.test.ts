import { describe, expect, test } from 'vitest';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { CalendarSync } from '../../../component/calendar/calendar-sync.ts';
import { RequestBudget } from '../../../component/calendar/request-budget.ts';
import { HOUR, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { ScriptedFeed, ScriptedSource } from '../../support/scripted-source.ts';

const GATHER = 25;

function setUp() {
  const clock = new FakeClock(Date.UTC(2026, 0, 5, 9));
  const feed = new ScriptedFeed();
  const budget = new RequestBudget({ concurrency: 2, random: () => 0.5 });
  const source = new ScriptedSource(clock, { budget, changes: feed });
  const sync = new CalendarSync({
    ...{ clock, logger: new RecordingLogger(), random: () => 0.5, route: () => source },
    ...{ refresh: 5 * MINUTE, refreshNear: 2 * MINUTE, refreshIdle: 30 * MINUTE, coalesce: SECOND },
    window: { past: HOUR, future: 48 * HOUR },
    ...{ timelineOf: () => undefined, onAnswer: () => {} },
  });
  /** When Alice was asked for after the first time, in milliseconds from `since`. */
  const askedAfter = (since: number) => source.askedFor('alice').filter((at) => at > since);
  return { clock, feed, source, sync, askedAfter };
}

describe('a hint that a calendar has changed', () => {
  test('makes the mailbox be asked for after a pause, which further hints don’t prolong', async () => {
    const { clock, feed, sync, askedAfter } = setUp();
    sync.start();
    sync.watch('alice');
    await clock.pass(10 * SECOND);
    for (let i = 0; i < 9; i++) {
      feed.hint('alice');
      await clock.pass(100);
    }
    expect(askedAfter(GATHER)).toEqual([]);
    await clock.pass(SECOND);
    expect(askedAfter(GATHER)).toEqual([11 * SECOND + GATHER]);
  });

  test('however often it comes makes one request a pause, also when requests for others come and go', async () => {
    const { clock, feed, sync, askedAfter } = setUp();
    sync.start();
    sync.watch('alice');
    await clock.pass(10 * SECOND);
    for (let i = 0; i < 200; i++) {
      feed.hint('alice');
      sync.watch(`user${i}`);
      await clock.pass(50);
    }
    const asked = askedAfter(GATHER);
    expect(asked.length).toBeGreaterThanOrEqual(9);
    const pauses = asked.map((at, i) => at - (asked[i - 1] ?? 0));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(SECOND);
  });

  test('while the mailbox is being asked for makes it be asked for once more', async () => {
    const { clock, feed, source, sync, askedAfter } = setUp();
    sync.start();
    let release = () => {};
    source.hold = new Promise<void>((resolve) => (release = resolve));
    sync.watch('alice');
    await clock.pass(3 * SECOND);
    feed.hint('alice');
    feed.hint('alice');
    await clock.pass(3 * SECOND);
    release();
    await clock.pass(20 * SECOND);
    expect(askedAfter(GATHER)).toEqual([7 * SECOND + GATHER]);
  });

  test('about a mailbox that nobody watches is ignored', async () => {
    const { clock, feed, source, sync } = setUp();
    sync.start();
    sync.watch('alice');
    sync.watch('bob');
    await clock.pass(SECOND);
    sync.unwatch('bob');
    feed.hint('bob');
    feed.hint('nobody');
    await clock.pass(MINUTE);
    expect(source.requests).toHaveLength(1);
  });

  test('does not shorten the pause of a server in trouble', async () => {
    const { clock, feed, source, sync } = setUp();
    sync.start();
    sync.watch('alice');
    sync.watch('bob');
    await clock.pass(SECOND);
    const busy = new CalendarSourceError('throttled', 'busy', { retryAfter: 2 * MINUTE });
    await source.budget.run(clock, () => Promise.reject(busy)).catch(() => {});
    feed.hint('alice');
    await clock.pass(119 * SECOND);
    expect(source.requests).toHaveLength(1);
    await clock.pass(2 * SECOND);
    expect(source.requests).toHaveLength(2);
  });
});

describe('a change feed', () => {
  test('follows what is watched, from before its start and after it, and nothing else', () => {
    const { feed, sync } = setUp();
    sync.watch('alice');
    sync.watch('bob');
    expect(feed.calls).toEqual([]);
    sync.start();
    sync.watch('carol');
    sync.unwatch('bob');
    expect(feed.calls).toEqual(['start']);
    expect([...feed.followed].sort()).toEqual(['alice', 'carol']);
  });

  test('is waited for at a stop, and no hint after that leads to anything', async () => {
    const { clock, feed, source, sync } = setUp();
    sync.start();
    sync.watch('alice');
    await clock.pass(SECOND);
    let end = () => {};
    feed.ending = new Promise<void>((resolve) => (end = resolve));
    let isStopped = false;
    const stopped = sync.stop().then(() => (isStopped = true));
    await clock.pass(SECOND);
    feed.hint('alice');
    expect([feed.calls, isStopped]).toEqual([['start', 'stop'], false]);
    end();
    await stopped;
    await clock.pass(HOUR);
    expect(source.requests).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test('that fails to end does not keep the gateway from stopping', async () => {
    const { feed, sync } = setUp();
    sync.start();
    sync.watch('alice');
    feed.ending = Promise.reject(new Error('no'));
    await expect(sync.stop()).resolves.toBeUndefined();
  });
});
