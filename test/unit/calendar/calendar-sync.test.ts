import { describe, expect, test } from 'vitest';
import { AccountGuard } from '../../../component/calendar/account-guard.ts';
import type { FreeBusyAnswer } from '../../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { CalendarSync } from '../../../component/calendar/calendar-sync.ts';
import { RequestBudget } from '../../../component/calendar/request-budget.ts';
import { askInHalves } from '../../../component/calendar/split-batch.ts';
import { buildTimeline, type Timeline } from '../../../component/calendar/timeline.ts';
import { HOUR, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { Random } from '../../support/random.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { ScriptedSource } from '../../support/scripted-source.ts';

const START = Date.UTC(2026, 0, 5, 9);
const REFRESH = 5 * MINUTE;

function setUp() {
  const clock = new FakeClock(START);
  const source = new ScriptedSource(clock);
  const logger = new RecordingLogger();
  const answers: FreeBusyAnswer[] = [];
  const other = new ScriptedSource(clock, { name: 'branch' });
  const sync = new CalendarSync({
    route: (mailbox) => (mailbox.endsWith('@branch') ? other : mailbox.endsWith('@nowhere') ? undefined : source),
    ...{ clock, logger },
    random: () => 0.5,
    ...{ refresh: REFRESH, refreshNear: 2 * MINUTE, refreshIdle: REFRESH, coalesce: SECOND },
    window: { past: HOUR, future: 48 * HOUR },
    timelineOf: () => undefined,
    onAnswer: (answer) => answers.push(answer),
  });
  sync.start();
  return { clock, source, other, logger, answers, sync };
}

const many = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `user${from + i}`);

describe('asking for calendars', () => {
  test('single look-ups travel together, at most a hundred in one request', async () => {
    const { clock, source, sync, answers } = setUp();
    for (const mailbox of many(150)) sync.watch(mailbox);
    await clock.pass(SECOND);
    expect(source.requests.map(({ mailboxes }) => mailboxes.length)).toEqual([100, 50]);
    expect(answers).toHaveLength(150);
  });

  test('a watched mailbox is asked for anew after the refresh interval, an unwatched one never', async () => {
    const { clock, source, sync } = setUp();
    sync.watch('alice');
    sync.watch('bob');
    await clock.pass(SECOND);
    sync.unwatch('bob');
    await clock.pass(REFRESH);
    expect(source.requests.map(({ mailboxes }) => [...mailboxes].sort())).toEqual([['alice', 'bob'], ['alice']]);
  });

  test('a mailbox whose timeline is still good is asked for when it no longer is', async () => {
    const { clock, source, sync } = setUp();
    sync.watch('alice', START - 2 * MINUTE);
    await clock.pass(2 * MINUTE);
    expect(source.requests).toEqual([]);
    await clock.pass(2 * MINUTE);
    expect(source.requests).toHaveLength(1);
  });

  test('one request finds out whether the account is accepted; then never more are under way than the server may take', async () => {
    const { clock, source, sync } = setUp();
    let release = () => {};
    source.hold = new Promise<void>((resolve) => (release = resolve));
    for (const mailbox of many(500)) sync.watch(mailbox);
    await clock.pass(10 * SECOND);
    expect(source.requests).toHaveLength(1);
    release();
    source.hold = new Promise<void>((resolve) => (release = resolve));
    await clock.pass(10 * SECOND);
    expect(source.requests).toHaveLength(3);
    release();
    await clock.pass(SECOND);
    expect(source.requests).toHaveLength(5);
  });

  test('what waits for room only is asked for as soon as there is some', async () => {
    const { clock, source, sync } = setUp();
    let release = () => {};
    source.hold = new Promise<void>((resolve) => (release = resolve));
    for (const mailbox of many(300)) sync.watch(mailbox);
    await clock.pass(SECOND);
    expect(source.requests).toHaveLength(1);
    release();
    await clock.pass(1);
    expect(source.requests).toHaveLength(3);
  });

  test('a wrong password at the start is tried three times, however many mailboxes wait', async () => {
    const { clock, source, sync } = setUp();
    source.failure = new CalendarSourceError('unauthorized', 'the server refuses the account');
    for (const mailbox of many(1000)) sync.watch(mailbox);
    await clock.pass(HOUR);
    expect(source.requests).toHaveLength(3);
  });

  test('a clock that is set back, and a night’s suspend, do not keep Exchange from being asked', async () => {
    const { clock, source, sync } = setUp();
    sync.watch('alice');
    await clock.pass(SECOND);
    clock.jump(-24 * HOUR);
    sync.clockJumped(-24 * HOUR);
    await clock.pass(REFRESH);
    expect(source.requests).toHaveLength(2);
    clock.suspend(8 * HOUR);
    sync.clockJumped(8 * HOUR);
    await clock.pass(SECOND);
    expect(source.requests).toHaveLength(3);
  });

  test('a mailbox in error does not ride along with every request for others', async () => {
    const { clock, source, sync } = setUp();
    source.answer = (mailbox) =>
      mailbox === 'bad' ? { mailbox, error: new CalendarSourceError('throttled', 'busy') } : { mailbox, periods: [] };
    sync.watch('bad');
    await clock.pass(SECOND);
    for (const mailbox of many(27)) {
      sync.watch(mailbox);
      await clock.pass(SECOND);
    }
    expect(source.requests.filter(({ mailboxes }) => mailboxes.includes('bad'))).toHaveLength(1);
  });

  test('a server that fails is left alone for a while, then asked by one request, then by all', async () => {
    const { clock, source, sync, answers, logger } = setUp();
    sync.watch('first');
    await clock.pass(SECOND);
    source.failure = new CalendarSourceError('unreachable', 'no route');
    for (const mailbox of many(300)) sync.watch(mailbox);
    await clock.pass(4 * SECOND);
    expect(source.requests).toHaveLength(3);
    source.failure = undefined;
    await clock.pass(30 * SECOND);
    expect(answers).toHaveLength(301);
    expect(logger.entries.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'warn The Exchange server gives no answer',
      'debug The Exchange server still gives no answer',
      'info The Exchange server answers again',
    ]);
  });

  test('one server’s trouble does not touch another', async () => {
    const { clock, source, other, sync, answers } = setUp();
    source.hold = new Promise(() => {});
    sync.watch('alice');
    sync.watch('eve@branch');
    await clock.pass(SECOND);
    expect(answers).toEqual([{ mailbox: 'eve@branch', periods: [] }]);
    expect(other.requests).toHaveLength(1);
  });

  test('a server that refuses the password three times is asked no more, and the log says so once', async () => {
    const { clock, source, sync, logger } = setUp();
    source.failure = new CalendarSourceError('unauthorized', 'the server refuses the account');
    sync.watch('alice');
    await clock.pass(HOUR);
    expect(source.requests).toHaveLength(3);
    expect(logger.entries.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  test('a mailbox that the server does not know is asked for seldom, one in passing trouble soon', async () => {
    const { clock, source, sync } = setUp();
    source.answer = (mailbox) => ({
      mailbox,
      error: new CalendarSourceError(mailbox === 'nobody' ? 'mailbox-not-found' : 'unreachable', 'no'),
    });
    sync.watch('nobody');
    sync.watch('alice');
    await clock.pass(29 * MINUTE);
    const asked = source.requests.flatMap(({ mailboxes }) => mailboxes);
    expect(asked.filter((mailbox) => mailbox === 'nobody')).toHaveLength(1);
    expect(asked.filter((mailbox) => mailbox === 'alice').length).toBeGreaterThan(6);
  });

  test('an answer that comes after nobody watches any more is dropped', async () => {
    const { clock, source, sync, answers } = setUp();
    let release = () => {};
    source.hold = new Promise<void>((resolve) => (release = resolve));
    sync.watch('alice');
    await clock.pass(SECOND);
    sync.unwatch('alice');
    release();
    await clock.pass(SECOND);
    expect(answers).toEqual([]);
  });

  test('a fault of our own does not turn into a storm of requests', async () => {
    const { clock, source, sync } = setUp();
    source.answer = () => {
      throw new TypeError('a bug');
    };
    sync.watch('alice');
    await clock.pass(MINUTE);
    expect(source.requests.length).toBeLessThanOrEqual(3);
  });

  test('a mailbox that no server is configured for is named in the log', () => {
    const { sync, logger } = setUp();
    sync.watch('eve@nowhere');
    expect(logger.entries).toMatchObject([{ level: 'warn', fields: { mailbox: 'eve@nowhere' } }]);
  });

  test('after a stop nothing is asked and nothing is answered', async () => {
    const { clock, source, sync, answers } = setUp();
    let release = () => {};
    source.hold = new Promise<void>((resolve) => (release = resolve));
    sync.watch('alice');
    await clock.pass(SECOND);
    await sync.stop();
    release();
    await clock.pass(HOUR);
    expect(answers).toEqual([]);
    expect(source.requests).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});

test('the requests for a thousand mailboxes are spread over the interval and nearly full', async () => {
  const { clock, source, sync } = setUp();
  const numbers = new Random(1);
  const random = () => numbers.next();
  const spread = new CalendarSync({
    route: () => source,
    clock,
    logger: new RecordingLogger(),
    random,
    ...{ refresh: REFRESH, refreshNear: 2 * MINUTE, refreshIdle: REFRESH, coalesce: SECOND },
    window: { past: HOUR, future: 48 * HOUR },
    timelineOf: () => undefined,
    onAnswer: () => {},
  });
  await sync.stop();
  spread.start();
  for (const mailbox of many(1000)) spread.watch(mailbox, START - random() * REFRESH);
  await clock.pass(HOUR);
  const perHour = source.requests.length;
  // 12 rounds of 10 full requests are the least.
  expect(perHour).toBeGreaterThanOrEqual(120);
  expect(perHour).toBeLessThan(270);
  const sizes = source.requests.map(({ mailboxes }) => mailboxes.length);
  expect(sizes.reduce((a, b) => a + b, 0) / perHour).toBeGreaterThan(45);
});

test('a mailbox for which somebody waits is asked for again within seconds, and not more often than that', async () => {
  const { clock, source, sync } = setUp();
  source.answer = (mailbox) => ({ mailbox, error: new CalendarSourceError('access-denied', 'no rights') });
  sync.watch('alice');
  await clock.pass(SECOND);
  for (let i = 0; i < 100; i++) {
    sync.hurry('alice');
    await clock.pass(100);
  }
  expect(source.requests.length).toBeGreaterThanOrEqual(3);
  expect(source.requests.length).toBeLessThanOrEqual(5);
});

test('what an earlier run fetched in the future, before the clock was set back, is asked for at once', async () => {
  const { clock, source, sync } = setUp();
  sync.watch('alice', START + 2 * HOUR);
  await clock.pass(SECOND);
  expect(source.requests.map(({ mailboxes }) => mailboxes)).toEqual([['alice']]);
});

test('two mailboxes that poison every request they are in do not keep the others from being asked for', async () => {
  const { clock, source, sync, answers } = setUp();
  const poisonous = ['user3', 'user61'];
  const malformed = new CalendarSourceError('malformed', 'no sense in it');
  const ask = source.freeBusy.bind(source);
  // As a source does that looks for the poisonous one by halves: two, in different halves, make both fail.
  source.freeBusy = async (mailboxes) => {
    const poison = mailboxes.filter((mailbox) => poisonous.includes(mailbox));
    source.failure = poison.length > 1 || mailboxes.length === poison.length ? malformed : undefined;
    source.answer = (mailbox) =>
      poisonous.includes(mailbox) ? { mailbox, error: malformed } : { mailbox, periods: [] };
    return ask(mailboxes);
  };
  for (const mailbox of many(80)) sync.watch(mailbox);
  await clock.pass(10 * MINUTE);
  const answered = new Set(answers.filter((answer) => 'periods' in answer).map(({ mailbox }) => mailbox));
  expect(answered.size).toBe(78);
});

test('a huge answer is taken in piece by piece: the event loop has its turn in between', async () => {
  const { clock, source, sync, answers } = setUp();
  const periods = Array.from({ length: 1000 }, (_, i) => ({
    ...{ start: START + i * MINUTE, end: START + i * MINUTE + SECOND },
    status: 'Busy' as const,
  }));
  source.answer = (mailbox) => ({ mailbox, periods });
  for (const mailbox of many(100)) sync.watch(mailbox);
  clock.advance(SECOND);
  const seen = new Set<number>();
  while (answers.length < 100) {
    await new Promise((resolve) => setImmediate(resolve));
    seen.add(answers.length);
  }
  const steps = [...seen].map((count, i, all) => count - (all[i - 1] ?? 0));
  expect(Math.max(...steps)).toBeLessThanOrEqual(10);
});

test('servers whose account is refused elsewhere are named in the log, each once', async () => {
  const { clock, logger } = setUp();
  const account = new AccountGuard();
  const failure = new CalendarSourceError('unauthorized', 'the server refuses the account');
  const sources = ['a', 'b', 'c', 'd', 'e'].map((name) => {
    const budget = new RequestBudget({ concurrency: 2, random: () => 0.5, account });
    return Object.assign(new ScriptedSource(clock, { name, budget }), { failure });
  });
  const sync = new CalendarSync({
    route: (mailbox) => sources.find(({ name }) => name === mailbox),
    ...{ clock, logger, random: () => 0.5, timelineOf: () => undefined, onAnswer: () => {} },
    ...{ refresh: REFRESH, refreshNear: 2 * MINUTE, refreshIdle: REFRESH, coalesce: SECOND },
    window: { past: HOUR, future: 48 * HOUR },
  });
  sync.start();
  for (const { name } of sources) sync.watch(name);
  await clock.pass(HOUR);
  expect(sources.flatMap(({ requests }) => requests)).toHaveLength(3);
  const errors = logger.entries.filter(({ level }) => level === 'error');
  expect(errors.map(({ fields }) => fields.server).sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(errors.filter(({ message }) => message.includes('three times'))).toHaveLength(1);
  await sync.stop();
});

test('a slot that somebody else gives back is used at once', async () => {
  const { clock, source, sync } = setUp();
  let release = () => {};
  void source.budget.run(clock, () => new Promise<void>((resolve) => (release = resolve)));
  sync.watch('alice');
  await clock.pass(10 * SECOND);
  expect(source.requests).toEqual([]);
  release();
  await clock.pass(SECOND);
  expect(source.requests).toHaveLength(1);
});

test('a mailbox whose watching ends with its answer is never asked for again', async () => {
  const { clock, source, logger } = setUp();
  const sync: CalendarSync = new CalendarSync({
    ...{ clock, logger, random: () => 0.5, route: () => source, timelineOf: () => undefined },
    ...{ refresh: REFRESH, refreshNear: 2 * MINUTE, refreshIdle: REFRESH, coalesce: SECOND },
    window: { past: HOUR, future: 48 * HOUR },
    onAnswer: ({ mailbox }) => sync.unwatch(mailbox),
  });
  sync.start();
  sync.watch('alice');
  await clock.pass(HOUR);
  expect(source.requests).toHaveLength(1);
});

test('what was known before the clock was set back a little is asked for at once', async () => {
  const { clock, source, logger } = setUp();
  let timeline: Timeline | undefined;
  const sync = new CalendarSync({
    ...{ clock, logger, random: () => 0.5, route: () => source, timelineOf: () => timeline },
    ...{ refresh: REFRESH, refreshNear: 2 * MINUTE, refreshIdle: 30 * MINUTE, coalesce: SECOND },
    window: { past: HOUR, future: 48 * HOUR },
    onAnswer: (_answer, at, window) => {
      timeline = buildTimeline([], window, at);
    },
  });
  sync.start();
  sync.watch('alice');
  await clock.pass(SECOND);
  clock.jump(-10 * MINUTE);
  sync.clockJumped(-10 * MINUTE);
  await clock.pass(SECOND);
  expect(source.requests).toHaveLength(2);
});

test('a clock that is set back makes nobody wait longer', async () => {
  const waits: number[] = [];
  for (const step of [0, -2 * MINUTE]) {
    const { clock, source, sync } = setUp();
    sync.watch('alice');
    await clock.pass(2 * MINUTE);
    clock.jump(step);
    sync.clockJumped(step);
    for (let waited = 2 * MINUTE; ; waited += SECOND) {
      if (source.requests.length > 1) {
        waits.push(waited);
        break;
      }
      await clock.pass(SECOND);
    }
  }
  expect(waits[1]).toBe(waits[0]);
});

test('what is in flight when the clock is set back is asked for again, not only when the clock has caught up', async () => {
  const { clock, source, sync } = setUp();
  let release = () => {};
  source.hold = new Promise<void>((resolve) => (release = resolve));
  sync.watch('alice');
  await clock.pass(SECOND);
  clock.jump(-24 * HOUR);
  sync.clockJumped(-24 * HOUR);
  source.hold = undefined;
  release();
  await clock.pass(2 * SECOND);
  expect(source.requests).toHaveLength(2);
});

test('servers that give no answer do not keep the account that they share with others among themselves', async () => {
  const clock = new FakeClock(START);
  const account = new AccountGuard();
  const servers = Array.from({ length: 13 }, (_, i) => {
    const budget = new RequestBudget({ concurrency: 2, random: () => 0.5, account });
    const server = new ScriptedSource(clock, { name: `server${i}`, budget });
    if (i === 12) return server;
    server.failure = new CalendarSourceError('unreachable', 'no answer in time');
    Object.defineProperty(server, 'hold', { get: () => new Promise<void>((end) => clock.after(10 * SECOND, end)) });
    return server;
  });
  const sync = new CalendarSync({
    route: (mailbox) => servers[Number(mailbox)],
    ...{ clock, logger: new RecordingLogger(), random: () => 0.5 },
    ...{ refresh: REFRESH, refreshNear: 2 * MINUTE, refreshIdle: REFRESH, coalesce: SECOND },
    ...{ window: { past: HOUR, future: 48 * HOUR }, timelineOf: () => undefined, onAnswer: () => {} },
  });
  sync.start();
  for (const i of servers.keys()) sync.watch(String(i));
  await clock.pass(125 * SECOND);
  expect(servers[12]?.requests).toHaveLength(1);
  await sync.stop();
});

test('a server that is not asked any more for what another was told: the log says where that was', async () => {
  const clock = new FakeClock(START);
  const logger = new RecordingLogger();
  const account = new AccountGuard();
  const budgetOf = (name: string) => new RequestBudget({ name, concurrency: 2, random: () => 0.5, account });
  const [hq, cloud] = ['hq', 'cloud'].map((name) => new ScriptedSource(clock, { name, budget: budgetOf(name) })) as [
    ScriptedSource,
    ScriptedSource,
  ];
  hq.failure = new CalendarSourceError('unauthorized', 'the password is wrong');
  const sync = new CalendarSync({
    route: (mailbox) => (mailbox === 'alice' ? hq : cloud),
    ...{ clock, logger, random: () => 0.5 },
    ...{ refresh: REFRESH, refreshNear: 2 * MINUTE, refreshIdle: REFRESH, coalesce: SECOND },
    ...{ window: { past: HOUR, future: 48 * HOUR }, timelineOf: () => undefined, onAnswer: () => {} },
  });
  sync.start();
  sync.watch('alice');
  await clock.pass(10 * MINUTE);
  sync.watch('bob');
  await clock.pass(5 * MINUTE);
  expect(cloud.requests).toEqual([]);
  const closed = logger.entries.filter(({ fields }) => 'refusedAt' in fields);
  expect(closed).toMatchObject([{ level: 'error', fields: { server: 'cloud', refusedAt: 'hq' } }]);
  await sync.stop();
});

test('a mailbox that poisons its requests is asked for in company: alone it would look like the server’s trouble', async () => {
  const { clock, source, sync } = setUp();
  const whole = new CalendarSourceError('malformed', 'no SOAP message');
  source.freeBusy = (mailboxes) =>
    source.budget.run(clock, async () => {
      source.requests.push({ at: clock.now() - START, mailboxes });
      return askInHalves(mailboxes, async (some) => {
        if (some.includes('poison')) throw whole;
        return some.map((mailbox) => ({ mailbox, periods: [] }));
      });
    });
  for (const mailbox of ['poison', 'alice', 'bob']) sync.watch(mailbox);
  await clock.pass(SECOND);
  let paused = 0;
  for (let second = 0; second < 7200; second++) {
    await clock.pass(SECOND);
    if (source.budget.notBefore > clock.now()) paused++;
  }
  expect(source.askedFor('poison').length).toBeGreaterThanOrEqual(3);
  expect(paused).toBe(0);
  // Alone on its server it has nobody to go with.
  sync.unwatch('alice');
  sync.unwatch('bob');
  await clock.pass(HOUR);
  expect(source.requests.at(-1)?.mailboxes).toEqual(['poison']);
  // Well again, it goes by itself.
  source.freeBusy = ScriptedSource.prototype.freeBusy.bind(source);
  await clock.pass(10 * MINUTE);
  sync.watch('alice');
  await clock.pass(SECOND);
  const before = source.requests.length;
  await clock.pass(HOUR);
  expect(source.requests.slice(before).some(({ mailboxes }) => mailboxes.length === 1)).toBe(true);
});

test('one mailbox that makes its requests time out does not take the others of its server along', async () => {
  const { clock, source, answers, sync } = setUp();
  source.freeBusy = (mailboxes) =>
    source.budget.run(clock, async () => {
      const hangs = mailboxes.includes('user7') && clock.now() > START + MINUTE;
      await new Promise<void>((resolve) => clock.after(hangs ? 30 * SECOND : 50, resolve));
      if (hangs) throw new CalendarSourceError('unreachable', 'no answer in time');
      return mailboxes.map((mailbox) => ({ mailbox, periods: [] }));
    });
  for (const mailbox of many(60)) sync.watch(mailbox);
  await clock.pass(2 * HOUR);
  answers.length = 0;
  await clock.pass(HOUR);
  expect(new Set(answers.map(({ mailbox }) => mailbox)).size).toBe(59);
});
