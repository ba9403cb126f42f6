import { describe, expect, test } from 'vitest';
import { CalendarSync } from '../../../component/calendar/calendar-sync.ts';
import { HOUR, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { ScriptedFeed, ScriptedSource } from '../../support/scripted-source.ts';

/** A finder that refers every mailbox to an endpoint. */
function setUp() {
  const clock = new FakeClock(Date.UTC(2026, 0, 5, 9));
  const logger = new RecordingLogger();
  const finder = new ScriptedSource(clock, { name: 'finder' });
  const feed = new ScriptedFeed();
  const endpoint = new ScriptedSource(clock, { name: 'endpoint', changes: feed });
  finder.answer = (mailbox) => ({ mailbox, servedBy: endpoint });
  const answered: string[] = [];
  const sync = new CalendarSync({
    ...{ clock, logger, random: () => 0.5, route: () => finder },
    ...{ refresh: 5 * MINUTE, refreshNear: 2 * MINUTE, refreshIdle: 30 * MINUTE, coalesce: SECOND },
    window: { past: HOUR, future: 48 * HOUR },
    ...{ timelineOf: () => undefined, onAnswer: ({ mailbox }) => answered.push(mailbox) },
  });
  sync.start();
  return { clock, logger, finder, endpoint, feed, sync, answered };
}

describe('a mailbox that a source refers to another', () => {
  test('is asked for there at once, and from then on', async () => {
    const { clock, finder, endpoint, sync, answered } = setUp();
    for (let i = 0; i < 150; i++) sync.watch(`user${i}`);
    await clock.pass(SECOND);
    expect(answered).toHaveLength(150);
    await clock.pass(HOUR);
    expect(finder.requests).toHaveLength(2);
    expect(endpoint.askedFor('user7').length).toBeGreaterThanOrEqual(2);
  });

  test('is hurried, followed and ended where it is now', async () => {
    const { clock, endpoint, feed, sync } = setUp();
    sync.watch('alice');
    await clock.pass(SECOND);
    expect([...feed.followed]).toEqual(['alice']);
    sync.hurry('alice');
    await clock.pass(4 * SECOND);
    expect(endpoint.askedFor('alice')).toHaveLength(2);
    sync.unwatch('alice');
    expect([...feed.followed]).toEqual([]);
    await clock.pass(2 * HOUR);
    expect(endpoint.askedFor('alice')).toHaveLength(2);
  });

  test('goes back when it has moved, and is found again', async () => {
    const { clock, finder, endpoint, feed, sync, answered } = setUp();
    sync.watch('alice');
    await clock.pass(SECOND);
    const elsewhere = new ScriptedSource(clock, { name: 'elsewhere' });
    endpoint.answer = (mailbox) => ({ mailbox, servedBy: finder });
    finder.answer = (mailbox) => ({ mailbox, servedBy: elsewhere });
    await clock.pass(HOUR);
    expect(elsewhere.askedFor('alice').length).toBeGreaterThanOrEqual(1);
    expect(answered.length).toBeGreaterThanOrEqual(2);
    expect([...feed.followed]).toEqual([]);
  });

  test('again and again, to and fro, waits in between, and the log says so once', async () => {
    const { clock, finder, endpoint, sync, logger } = setUp();
    endpoint.answer = (mailbox) => ({ mailbox, servedBy: finder });
    sync.watch('alice');
    await clock.pass(25 * SECOND);
    expect(finder.requests.length + endpoint.requests.length).toBe(6);
    await clock.pass(10 * MINUTE);
    expect(finder.requests.length + endpoint.requests.length).toBeLessThan(90);
    expect(logger.entries.filter(({ level }) => level === 'warn')).toMatchObject([{ fields: { mailbox: 'alice' } }]);
    endpoint.answer = (mailbox) => ({ mailbox, periods: [] });
    await clock.pass(MINUTE);
    const before = finder.requests.length;
    await clock.pass(HOUR);
    expect(finder.requests.length).toBe(before);
  });

  test('is not asked for any more when it is unwatched on the way', async () => {
    const { clock, finder, endpoint, sync } = setUp();
    let release = () => {};
    finder.hold = new Promise<void>((resolve) => (release = resolve));
    sync.watch('alice');
    await clock.pass(SECOND);
    sync.unwatch('alice');
    release();
    await clock.pass(HOUR);
    expect(endpoint.requests).toEqual([]);
  });
});

test('a source without mailboxes is let go after a while, and taken up again when one comes', async () => {
  const { clock, endpoint, feed, sync } = setUp();
  sync.watch('alice');
  await clock.pass(SECOND);
  sync.unwatch('alice');
  await clock.pass(5 * MINUTE);
  sync.watch('bob');
  await clock.pass(SECOND);
  sync.unwatch('bob');
  await clock.pass(9 * MINUTE);
  expect(feed.calls).toEqual(['start']);
  await clock.pass(2 * MINUTE);
  expect(feed.calls).toEqual(['start', 'stop']);
  expect(clock.pending).toBe(0);
  sync.watch('carol');
  await clock.pass(SECOND);
  expect(feed.calls).toEqual(['start', 'stop', 'start']);
  expect(endpoint.askedFor('carol')).toHaveLength(1);
  await sync.stop();
});
