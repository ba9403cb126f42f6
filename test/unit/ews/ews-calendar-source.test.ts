// The source against the simulator: every way in which a whole request goes wrong, and what stands in the log.
import { describe, expect, onTestFinished, test } from 'vitest';
import { createEwsCalendarSource, type EwsCalendarSourceOptions } from '../../../adapters/ews/ews-calendar-source.ts';
import { basicCredentials } from '../../../adapters/ews/http/authentication.ts';
import { systemClock } from '../../../adapters/runtime/system-clock.ts';
import { AccountGuard } from '../../../component/calendar/account-guard.ts';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { RequestBudget } from '../../../component/calendar/request-budget.ts';
import {
  type ExchangeSimulatorOptions,
  startExchangeSimulator,
} from '../../support/exchange-simulator/exchange-simulator.ts';
import type { FaultSetting } from '../../support/exchange-simulator/faults.ts';
import { Organisation } from '../../support/exchange-simulator/organisation.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const start = Date.UTC(2026, 2, 2, 9);
const window = { start, end: start + 3_600_000 };
const idle = new AbortController().signal;

async function open(options: Partial<EwsCalendarSourceOptions> = {}, simulated: ExchangeSimulatorOptions = {}) {
  const simulator = await startExchangeSimulator(simulated);
  onTestFinished(() => simulator.stop());
  simulator.calendars.addMailbox('alice@example.com');
  simulator.calendars.addMailbox('bob@example.com');
  const logger = new RecordingLogger();
  const source = createEwsCalendarSource({
    name: 'main',
    url: simulator.url,
    credentials: basicCredentials('gateway', 'secret'),
    concurrency: 4,
    clock: systemClock,
    logger,
    random: () => 0.5,
    ...options,
  });
  onTestFinished(() => source.close());
  const ask = (...mailboxes: string[]) => source.freeBusy(mailboxes, window, idle);
  return { simulator, source, logger, ask };
}

describe('a failing Exchange', () => {
  test.each<[FaultSetting, object]>([
    [{ kind: 'unauthorized' }, { kind: 'unauthorized' }],
    [{ kind: 'blocked' }, { kind: 'blocked' }],
    [{ kind: 'unavailable' }, { kind: 'throttled', retryAfter: undefined }],
    [
      { kind: 'unavailable', retryAfter: 17 },
      { kind: 'throttled', retryAfter: 17_000 },
    ],
    [
      { kind: 'busy-fault', backOff: 9000, position: 'first' },
      { kind: 'throttled', retryAfter: 9000, code: 'ErrorServerBusy' },
    ],
    [
      { kind: 'busy-fault', backOff: 9000, position: 'last' },
      { kind: 'throttled', retryAfter: 9000, code: 'ErrorServerBusy' },
    ],
    [{ kind: 'busy-in-200' }, { kind: 'throttled', retryAfter: undefined, code: 'ErrorServerBusy' }],
    [
      { kind: 'busy-in-200', backOff: 9000 },
      { kind: 'throttled', retryAfter: 9000 },
    ],
    [
      { kind: 'too-many-connections' },
      { kind: 'throttled', retryAfter: undefined, code: 'ErrorExceededConnectionCount' },
    ],
    [{ kind: 'html' }, { kind: 'malformed' }],
    [{ kind: 'html-error' }, { kind: 'malformed' }],
    [{ kind: 'empty-500' }, { kind: 'malformed' }],
    [{ kind: 'redirect' }, { kind: 'malformed' }],
    [{ kind: 'cut-body' }, { kind: 'unreachable' }],
    [{ kind: 'hang' }, { kind: 'unreachable', code: 'UND_ERR_HEADERS_TIMEOUT' }],
    [
      { kind: 'slow-body', pieces: 2, pause: 2000 },
      { kind: 'unreachable', code: 'UND_ERR_BODY_TIMEOUT' },
    ],
    [{ kind: 'wrong-count' }, { kind: 'malformed' }],
    [{ kind: 'fault-in-200' }, { kind: 'unreachable', code: 'ErrorInternalServerError' }],
    [{ kind: 'refuse-connections' }, { kind: 'unreachable', code: 'ECONNREFUSED' }],
  ])('that does %j fails the whole request, and answers when it is over', async (fault, expected) => {
    const { simulator, source, ask } = await open({ limits: { headers: 100, silence: 100 } });
    simulator.faults.set(fault);
    const error = await ask('alice@example.com', 'bob@example.com').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CalendarSourceError);
    expect(error).toMatchObject(expected);
    expect(source.budget.slots(systemClock.now())).toBe(0);

    simulator.faults.clear();
    const askAnew = () => {
      source.budget.reset();
      return ask('bob@example.com');
    };
    // A listener that was shut may need a moment to open again.
    await expect.poll(askAnew, { timeout: 3000 }).toMatchObject([{ mailbox: 'bob@example.com', periods: [] }]);
    expect(simulator.rejections).toEqual([]);
  });

  test('with a slow but steady answer is waited for', async () => {
    const { simulator, ask } = await open({ limits: { silence: 500 } });
    simulator.faults.set({ kind: 'slow-body', pieces: 10, pause: 5 });
    expect(await ask('alice@example.com')).toMatchObject([{ mailbox: 'alice@example.com', periods: [] }]);
  });

  test('that refuses the password three times is not asked a fourth time', async () => {
    const clock = new FakeClock(start);
    const { simulator, ask } = await open({ clock, credentials: basicCredentials('gateway', 'wrong') });
    for (let attempt = 0; attempt < 6; attempt++) {
      await expect(ask('alice@example.com')).rejects.toBeInstanceOf(CalendarSourceError);
      clock.advance(3_600_000);
    }
    expect(simulator.requests).toHaveLength(3);
  });

  test('is left alone for as long as it asks', async () => {
    const clock = new FakeClock(start);
    const { simulator, source, ask } = await open({ clock });
    simulator.faults.set({ kind: 'busy-fault', backOff: 123_000, times: 1 });
    await expect(ask('alice@example.com')).rejects.toMatchObject({ kind: 'throttled' });
    expect(source.budget.notBefore).toBe(start + 123_000);
  });
});

describe('one mailbox', () => {
  test('that Exchange has no answer for does not take it from the others', async () => {
    const { simulator, ask } = await open();
    simulator.calendars.addMailbox('closed@example.com', { access: 'none' });
    simulator.faults.set({ kind: 'mailbox-error', mailbox: 'bob@example.com', code: 'ErrorMailboxLogonFailed' });
    const answers = await ask('nobody@example.com', 'alice@example.com', 'closed@example.com', 'bob@example.com');
    expect(answers).toMatchObject([
      { mailbox: 'nobody@example.com', error: { kind: 'mailbox-not-found', code: 'ErrorMailRecipientNotFound' } },
      { mailbox: 'alice@example.com', periods: [] },
      { mailbox: 'closed@example.com', error: { kind: 'access-denied', code: 'ErrorNoFreeBusyAccess' } },
      { mailbox: 'bob@example.com', error: { kind: 'unreachable', code: 'ErrorMailboxLogonFailed' } },
    ]);
  });

  test('with an address that no XML can hold does not spoil the request of the others', async () => {
    const { simulator, ask } = await open();
    const answers = await ask(
      'a\u0000b@example.com',
      'alice@example.com',
      '\ud800@example.com',
      ' ',
      'bob@example.com',
    );
    expect(answers).toMatchObject([
      { error: { kind: 'mailbox-not-found' } },
      { mailbox: 'alice@example.com', periods: [] },
      { error: { kind: 'mailbox-not-found' } },
      { error: { kind: 'mailbox-not-found' } },
      { mailbox: 'bob@example.com', periods: [] },
    ]);
    expect(await ask('\u0001')).toMatchObject([{ mailbox: '\u0001', error: { kind: 'mailbox-not-found' } }]);
    expect(simulator.requests.map(({ mailboxes }) => mailboxes)).toEqual([['alice@example.com', 'bob@example.com']]);
  });
});

describe('a request for many', () => {
  test('that one mailbox spoils is split until that one is alone', async () => {
    const organisation = new Organisation();
    const { simulator, ask, source } = await open({}, { organisation });
    const other = await startExchangeSimulator({ organisation: organisation });
    onTestFinished(() => other.stop());
    simulator.moveMailbox('bob@example.com', other, '302');
    simulator.calendars.addMailbox('carol@example.com');
    const answers = await ask('alice@example.com', 'bob@example.com', 'carol@example.com');
    expect(answers).toMatchObject([
      { mailbox: 'alice@example.com', periods: [] },
      { mailbox: 'bob@example.com', error: { kind: 'wrong-server' } },
      { mailbox: 'carol@example.com', periods: [] },
    ]);
    expect(source.budget.notBefore).toBeLessThanOrEqual(systemClock.now());
  });
});

describe('the log', () => {
  test('tells an unknown busy type once', async () => {
    const { simulator, logger, ask } = await open();
    simulator.calendars.book('alice@example.com', window);
    simulator.faults.set({ kind: 'unknown-busy-type', busyType: 'Focusing' });
    for (let i = 0; i < 3; i++) {
      expect(await ask('alice@example.com')).toMatchObject([{ periods: [{ ...window, status: 'NoData' }] }]);
    }
    expect(logger.entries.filter(({ level }) => level !== 'debug')).toEqual([
      { level: 'warn', message: expect.any(String), fields: expect.objectContaining({ value: 'Focusing' }) },
    ]);
  });

  test('and the errors hold no secret, and above the debug level nobody’s address', async () => {
    const { simulator, logger, ask } = await open();
    const errors: unknown[] = [];
    for (const kind of ['fault-in-200', 'busy-in-200', 'wrong-count', 'html', 'redirect', 'unauthorized'] as const) {
      simulator.faults.set({ kind, ...(kind === 'fault-in-200' && { message: 'No, alice@example.com' }), times: 1 });
      errors.push(await ask('alice@example.com').catch((error: Error) => error.message));
    }
    const visible = JSON.stringify([logger.entries.filter(({ level }) => level !== 'debug'), errors]);
    expect(visible).not.toContain('alice');
    const everything = JSON.stringify(logger.entries);
    expect(everything).not.toContain(Buffer.from('gateway:secret').toString('base64'));
  });
});

test('more than 100 mailboxes are refused before Exchange does it', async () => {
  const { simulator, ask } = await open();
  await expect(ask(...Array.from({ length: 101 }, (_, i) => `user${i}@example.com`))).rejects.toThrow(RangeError);
  expect(simulator.requests).toEqual([]);
});

describe('the account', () => {
  test('may ask in the name of a mailbox, and says to the front end which', async () => {
    const { simulator, ask } = await open({ impersonate: 'svc@example.com' }, { impersonation: true });
    simulator.calendars.addMailbox('svc@example.com');
    await ask('alice@example.com');
    expect(simulator.requests).toMatchObject([
      { impersonated: 'svc@example.com', headers: { 'x-anchormailbox': 'svc@example.com' } },
    ]);
  });

  test('of several servers that is refused three times is not tried on any of them again', async () => {
    const clock = new FakeClock(start);
    const account = new AccountGuard();
    const credentials = basicCredentials('gateway', 'wrong');
    const budget = () => new RequestBudget({ concurrency: 2, random: () => 0.5, account });
    const servers = [
      await open({ clock, credentials, budget: budget() }),
      await open({ clock, credentials, budget: budget() }),
    ];
    for (let attempt = 0; attempt < 4; attempt++) {
      for (const { ask } of servers) {
        await expect(ask('alice@example.com')).rejects.toBeInstanceOf(CalendarSourceError);
        clock.advance(3_600_000);
      }
    }
    expect(servers.flatMap(({ simulator }) => simulator.requests)).toHaveLength(3);
  });

  test.each([
    ['without the right to impersonate', { notifications: { mailboxes: 100 } }],
    ['without mailboxes to listen for', { impersonation: true, notifications: { mailboxes: 0 } }],
    ['that is not told to', { impersonation: true }],
  ])('%s hears of no changes', async (_name, options) => {
    const { source } = await open(options);
    expect(source.changes).toBeUndefined();
  });
});
