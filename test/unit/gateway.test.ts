import { setTimeout as sleep } from 'node:timers/promises';
import xml from '@xmpp/xml';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../adapters/runtime/system-clock.ts';
import type { CalendarSource, FreeBusyAnswer } from '../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../component/calendar/calendar-source-error.ts';
import { RequestBudget } from '../../component/calendar/request-budget.ts';
import type { BusyPeriod } from '../../component/calendar/timeline.ts';
import { RuleDirectory } from '../../component/directory/rule-directory.ts';
import { Gateway } from '../../component/gateway.ts';
import type { Look, Show } from '../../component/presence/presence.ts';
import { HOUR, MINUTE, SECOND } from '../../component/runtime/clock.ts';
import { SubscriptionPolicy } from '../../component/subscription/subscription-policy.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeComponentServer, until } from '../support/fake-component-server.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { plainRules } from '../support/presence-rules.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

// The whole component with a fake clock, a scripted Exchange and a scripted XMPP server: orders of events that real
// servers produce too seldom for a test.

const START = Date.UTC(2026, 0, 5, 9);
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function setUp({ store = new MemoryStore(), clock = new FakeClock(START) } = {}) {
  const server = await new FakeComponentServer().start();
  const exchange = {
    periods: [] as BusyPeriod[],
    answer: 'known' as 'known' | 'not-found' | 'silent',
    hold: undefined as Promise<void> | undefined,
  };
  const budget = new RequestBudget({ concurrency: 10, random: () => 0.5 });
  const answerFor = (mailbox: string): FreeBusyAnswer =>
    exchange.answer === 'known'
      ? { mailbox, periods: exchange.periods }
      : { mailbox, error: new CalendarSourceError('mailbox-not-found', 'no such mailbox') };
  const source: CalendarSource = {
    ...{ name: 'hq', batchSize: 100, budget, changes: undefined },
    freeBusy: (mailboxes) =>
      budget.run(clock, async () => {
        await exchange.hold;
        if (exchange.answer === 'silent') throw new CalendarSourceError('unreachable', 'no route');
        return mailboxes.map(answerFor);
      }),
  };
  const logger = new RecordingLogger();
  const look = (show?: Show): Look => ({ available: true, show, status: {} });
  const rules = plainRules({
    ...{ Free: look(), Tentative: look(), WorkingElsewhere: look(), Busy: look('dnd'), OOF: look('away') },
  });
  const gateway = new Gateway({
    connection: {
      ...{ host: '127.0.0.1', port: server.port, domain: server.domain, secret: server.secret },
      clock: systemClock,
    },
    ...{ repeatRate: 2000, stopTimeout: 30 * SECOND, onStop: 'withdraw' },
    ...{ refresh: 5 * MINUTE, refreshNear: 2 * MINUTE, refreshIdle: 30 * MINUTE, coalesce: SECOND },
    ...{ staleAfterOf: () => HOUR, window: { past: HOUR, future: 48 * HOUR }, goneAfter: 7 * HOUR },
    presencePolicy: {
      rulesOf: () => rules,
      agedAfter: 45 * MINUTE,
    },
    language: 'en',
    subscriptionPolicy: new SubscriptionPolicy({ domains: ['example.net'], rules: [], maxSubscriptions: 500 }),
    directory: new RuleDirectory({ rule: '{local}@example.com', domains: [], contacts: new Map() }),
    route: () => source,
    ...{ store, clock, logger, random: () => 0.5, version: '1.0.0' },
  });
  closing.push(() => server.stop());
  await gateway.start();
  await until(() => server.streams.at(-1)?.isAuthenticated === true, 'the handshake');
  let isStopped = false;
  /** Lets time pass for calendars, and the real sockets do their part. */
  const pass = async (duration = 0): Promise<void> => {
    for (let i = 0; i < 5; i++) {
      await clock.pass(i === 0 ? duration : 0);
      await sleep(15);
    }
  };
  const stop = async (): Promise<void> => {
    if (isStopped) return;
    isStopped = true;
    const stopped = gateway.stop();
    await pass(31 * SECOND);
    await stopped;
  };
  closing.push(stop);
  /** What Bob asks of Alice. */
  const ask = (type: string): void => {
    const stanza = xml('presence', { type, from: 'bob@example.net', to: `alice@${server.domain}` });
    server.streams.at(-1)?.send(stanza.toString());
  };
  /** What Bob was told, in order. */
  const heard = (): string[] =>
    server.streams
      .flatMap(({ stanzas }) => stanzas)
      .filter(({ name }) => name === 'presence')
      .map(({ attrs, getChildText }, i, all) => attrs.type ?? getChildText.call(all[i], 'show') ?? 'available');
  return { gateway, server, clock, exchange, store, logger, ask, heard, pass, stop };
}

describe('one who subscribes again while the calendar is still in the cache', () => {
  test('sees the next transition', async () => {
    const { exchange, clock, ask, heard, pass } = await setUp();
    exchange.periods = [{ start: START + 3 * MINUTE, end: START + 4 * MINUTE, status: 'Busy' }];
    for (const type of ['subscribe', 'unsubscribe', 'subscribe']) {
      ask(type);
      await pass();
      await pass(SECOND);
    }
    const before = heard().length;
    await pass(START + 3 * MINUTE + 10 * SECOND - clock.now());
    expect(heard().slice(before)).toEqual(['dnd']);
  });

  test('sees that nothing is known any more when Exchange has been silent for too long', async () => {
    const { exchange, ask, heard, pass } = await setUp();
    for (const type of ['subscribe', 'unsubscribe', 'subscribe']) {
      ask(type);
      await pass();
      await pass(SECOND);
    }
    exchange.answer = 'silent';
    await pass(5 * HOUR);
    expect(heard().at(-1)).toBe('unavailable');
  });
});

test('a meeting that is booked on the spot shows soon on the screen of one who has just subscribed', async () => {
  const { exchange, clock, ask, heard, pass } = await setUp();
  ask('subscribe');
  await pass();
  await pass(SECOND);
  exchange.periods = [{ start: clock.now(), end: clock.now() + 2 * HOUR, status: 'Busy' }];
  // One and a half rounds at the lively pace; at the idle one it would take half an hour.
  await pass(8 * MINUTE);
  expect(heard().at(-1)).toBe('dnd');
});

test('an answer of Exchange that comes while the XMPP stream is down is said when it is up again', async () => {
  const { exchange, server, ask, heard, pass } = await setUp();
  let release = () => {};
  exchange.hold = new Promise((resolve) => {
    release = resolve;
  });
  ask('subscribe');
  await pass();
  await pass(SECOND);
  server.streams[0]?.socket.destroy();
  await sleep(50);
  release();
  await pass(SECOND);
  await until(() => server.streams.length > 1 && server.streams.at(-1)?.isAuthenticated === true, 'the reconnection');
  await pass(SECOND);
  expect(heard()).toContain('subscribed');
  expect(heard().at(-1)).toBe('available');
});

test('with the database lost, a mailbox that is missing for a moment costs no roster entry', async () => {
  const { exchange, ask, heard, pass } = await setUp();
  exchange.answer = 'not-found';
  ask('probe');
  await pass();
  await pass(SECOND);
  expect(heard()).not.toContain('unsubscribed');
  exchange.answer = 'known';
  await pass(40 * MINUTE);
  expect(heard().at(-1)).toBe('available');
});

test('a mailbox that stays away for the time that is configured takes its subscriptions along', async () => {
  const { exchange, ask, heard, pass, store } = await setUp();
  ask('subscribe');
  await pass();
  await pass(SECOND);
  exchange.answer = 'not-found';
  await pass(6 * HOUR);
  expect(heard()).not.toContain('unsubscribed');
  await pass(2 * HOUR);
  expect(heard().slice(-2)).toEqual(['unavailable', 'unsubscribed']);
  for await (const rows of store.loadSubscriptions()) expect(rows).toEqual([]);
});

test('when the clock is set back by hours, contacts are known again within a refresh', async () => {
  const { clock, ask, heard, pass } = await setUp();
  ask('subscribe');
  await pass();
  await pass(SECOND);
  clock.jump(-3 * HOUR);
  await pass(6 * MINUTE);
  expect(heard().at(-1)).toBe('available');
});

test('the log says when calendars become too old, when a mailbox is denied, and when all is well again', async () => {
  const { exchange, ask, pass, logger } = await setUp();
  const told = () => logger.entries.filter(({ level }) => level !== 'debug').map(({ message }) => message);
  ask('subscribe');
  await pass();
  await pass(SECOND);
  exchange.answer = 'not-found';
  await pass(20 * MINUTE);
  await pass(20 * MINUTE);
  expect(told().filter((message) => message === 'Exchange gives no free/busy for a mailbox')).toHaveLength(1);
  await pass(40 * MINUTE);
  expect(told()).toContain('Calendars are too old: their contacts show nothing');
  exchange.answer = 'known';
  await pass(40 * MINUTE);
  expect(told().slice(-2).sort()).toEqual([
    'Exchange gives free/busy for the mailbox again',
    'No calendar is too old any more',
  ]);
});

test('a stop ends within its limit although the store hangs', async () => {
  const store = new MemoryStore();
  const { gateway, ask, pass } = await setUp({ store });
  store.saveSubscription = () => new Promise(() => {});
  ask('subscribe');
  await pass(SECOND);
  let stopped = false;
  void gateway.stop().then(() => {
    stopped = true;
  });
  await pass(31 * SECOND);
  await pass(SECOND);
  expect(stopped).toBe(true);
});

test('a stop while the stream is down says how many contacts remain as they are', async () => {
  const { server, ask, pass, stop, logger } = await setUp();
  ask('subscribe');
  await pass();
  await pass(SECOND);
  server.streams[0]?.socket.destroy();
  await sleep(50);
  await stop();
  expect(logger.entries).toContainEqual(
    expect.objectContaining({ level: 'warn', fields: expect.objectContaining({ contacts: 1 }) }),
  );
});
