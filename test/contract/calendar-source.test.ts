import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createEwsCalendarSource, type EwsCalendarSource } from '../../adapters/ews/ews-calendar-source.ts';
import { basicCredentials } from '../../adapters/ews/http/authentication.ts';
import { systemClock } from '../../adapters/runtime/system-clock.ts';
import type { CalendarSource } from '../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../component/calendar/calendar-source-error.ts';
import type { Logger } from '../../component/runtime/logger.ts';
import { entryStatuses } from '../support/exchange-simulator/calendar-entry.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../support/exchange-simulator/exchange-simulator.ts';

const MINUTE = 60_000;
const start = Date.UTC(2026, 2, 2, 8);
const window = { start, end: start + 49 * 60 * MINUTE };

/** A kind of source, and a world that the tests can arrange for it. */
interface World {
  readonly source: CalendarSource;
  addMailbox(mailbox: string): void;
  book(mailbox: string, period: { start: number; end: number; status: (typeof entryStatuses)[number] }): void;
  /** How many requests came to it, and how many are there now without an answer. */
  readonly requests: number;
  hang(): void;
  fail(): void;
  recover(): void;
  close(): Promise<void>;
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

async function exchangeWorld(): Promise<World> {
  const simulator: ExchangeSimulator = await startExchangeSimulator();
  const source: EwsCalendarSource = createEwsCalendarSource({
    name: 'main',
    url: simulator.url,
    credentials: basicCredentials('gateway', 'secret'),
    concurrency: 2,
    clock: systemClock,
    logger: silent,
  });
  return {
    source,
    addMailbox: (mailbox) => simulator.calendars.addMailbox(mailbox),
    book: (mailbox, period) => void simulator.calendars.book(mailbox, period),
    get requests() {
      return simulator.requests.length;
    },
    hang: () => simulator.faults.set({ kind: 'hang' }),
    fail: () => simulator.faults.set({ kind: 'unavailable' }),
    recover: () => simulator.faults.clear(),
    close: async () => {
      await source.close();
      await simulator.stop();
      expect(simulator.rejections).toEqual([]);
    },
  };
}

describe.each([['Exchange by EWS', exchangeWorld]])('the calendar source %s', (_name, createWorld) => {
  let world: World;
  const idle = new AbortController().signal;
  beforeEach(async () => {
    world = await createWorld();
  });
  afterEach(() => world.close());

  test('answers for each mailbox, in their order, however many there are', async () => {
    const { source } = world;
    const mailboxes = Array.from({ length: source.batchSize }, (_, i) => `user${i}@example.com`);
    for (const [index, mailbox] of mailboxes.entries()) {
      world.addMailbox(mailbox);
      world.book(mailbox, { start: start + index * MINUTE, end: start + (index + 1) * MINUTE, status: 'Busy' });
    }
    const answers = await source.freeBusy(mailboxes, window, idle);
    expect(answers).toMatchObject(
      mailboxes.map((mailbox, index) => ({
        mailbox,
        periods: [{ start: start + index * MINUTE, end: start + (index + 1) * MINUTE, status: 'Busy' }],
      })),
    );
    expect(world.requests).toBe(1);
    expect(await source.freeBusy([], window, idle)).toEqual([]);
    expect(world.requests).toBe(1);
  });

  test.each(entryStatuses)('tells %s', async (status) => {
    world.addMailbox('alice@example.com');
    const period = { start, end: start + MINUTE, status };
    world.book('alice@example.com', period);
    const [answer] = await world.source.freeBusy(['alice@example.com'], window, idle);
    expect(answer).toMatchObject({ mailbox: 'alice@example.com', periods: [period] });
  });

  test('gives entries that overlap the window whole, and no others', async () => {
    world.addMailbox('alice@example.com');
    const around = { start: window.start - 60 * MINUTE, end: window.end + 60 * MINUTE, status: 'OOF' } as const;
    world.book('alice@example.com', around);
    world.book('alice@example.com', { start: window.end + MINUTE, end: window.end + 2 * MINUTE, status: 'Busy' });
    const [answer] = await world.source.freeBusy(['alice@example.com'], window, idle);
    expect(answer).toMatchObject({ mailbox: 'alice@example.com', periods: [around] });
  });

  test('gives equal working hours as one object: many thousands of mailboxes keep them', async () => {
    for (const name of ['alice', 'bob']) world.addMailbox(`${name}@example.com`);
    const ask = () => world.source.freeBusy(['alice@example.com', 'bob@example.com'], window, idle);
    const hours = [...(await ask()), ...(await ask())].map((answer) => 'hours' in answer && answer.hours);
    expect(hours[0]).toMatchObject({ periods: [{ days: [1, 2, 3, 4, 5], from: 480, to: 1020 }] });
    for (const others of hours) expect(others).toBe(hours[0]);
  });

  test('tells an unknown mailbox from an empty calendar', async () => {
    world.addMailbox('alice@example.com');
    const answers = await world.source.freeBusy(['nobody@example.com', 'alice@example.com'], window, idle);
    expect(answers[0]).toMatchObject({ mailbox: 'nobody@example.com', error: { kind: 'mailbox-not-found' } });
    expect('error' in (answers[0] ?? {}) && (answers[0] as { error: unknown }).error).toBeInstanceOf(
      CalendarSourceError,
    );
    expect(answers[1]).toMatchObject({ mailbox: 'alice@example.com', periods: [] });
  });

  test('fails with an error that has a kind, and its budget knows', async () => {
    world.addMailbox('alice@example.com');
    const { source } = world;
    world.fail();
    await expect(source.freeBusy(['alice@example.com'], window, idle)).rejects.toBeInstanceOf(CalendarSourceError);
    expect(source.budget.slots(systemClock.now())).toBe(0);
    await expect(source.freeBusy(['alice@example.com'], window, idle)).rejects.toMatchObject({ kind: 'throttled' });
    expect(world.requests).toBe(1);
    world.recover();
    source.budget.reset();
    expect(await source.freeBusy(['alice@example.com'], window, idle)).toHaveLength(1);
  });

  test('asks no more at once than its budget allows', async () => {
    world.addMailbox('alice@example.com');
    const { source } = world;
    // The account is proven by a first request; until then there is one at a time.
    await source.freeBusy(['alice@example.com'], window, new AbortController().signal);
    const before = world.requests;
    world.hang();
    const abort = new AbortController();
    const asked = [0, 1, 2].map(() => source.freeBusy(['alice@example.com'], window, abort.signal));
    const settled = Promise.allSettled(asked);
    await expect.poll(() => world.requests).toBe(before + 2);
    await expect(asked[2]).rejects.toMatchObject({ kind: 'throttled' });
    abort.abort();
    await settled;
    expect(source.budget.slots(systemClock.now())).toBe(2);
  });

  test('ends with the reason of its signal, which is no trouble of the server', async () => {
    const { source } = world;
    const reason = new Error('enough');
    await expect(source.freeBusy(['alice@example.com'], window, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(world.requests).toBe(0);
    world.hang();
    const abort = new AbortController();
    const asked = source.freeBusy(['alice@example.com'], window, abort.signal);
    asked.catch(() => {});
    await expect.poll(() => world.requests).toBe(1);
    abort.abort(reason);
    await expect(asked).rejects.toBe(reason);
    expect(source.budget.slots(systemClock.now())).toBe(1);
    expect(source.budget.notBefore).toBe(0);
  });
});
