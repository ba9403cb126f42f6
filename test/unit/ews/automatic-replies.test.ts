// Automatic replies beside free/busy, against the simulator.
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { AutomaticReplies } from '../../../adapters/ews/automatic-replies/automatic-replies.ts';
import { createEwsCalendarSource, type EwsCalendarSourceOptions } from '../../../adapters/ews/ews-calendar-source.ts';
import { loadEwsLibrary } from '../../../adapters/ews/ews-library.ts';
import { basicCredentials } from '../../../adapters/ews/http/authentication.ts';
import type { EwsTransport } from '../../../adapters/ews/http/ews-transport.ts';
import { RequestBudget } from '../../../component/calendar/request-budget.ts';
import {
  type ExchangeSimulatorOptions,
  startExchangeSimulator,
} from '../../support/exchange-simulator/exchange-simulator.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const start = Date.UTC(2026, 2, 2, 9);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const idle = new AbortController().signal;
const alice = 'alice@example.com';
const bob = 'bob@example.com';

// Loading takes a second, and several on a busy machine.
beforeAll(() => loadEwsLibrary(), 60_000);

const envelope = (content: string): string =>
  '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
  'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" ' +
  'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Body>' +
  `<m:GetMailTipsResponse ${content}</m:GetMailTipsResponse></s:Body></s:Envelope>`;
const refusal = envelope('ResponseClass="Error"><m:ResponseCode>ErrorInvalidSmtpAddress</m:ResponseCode>');
const mailTips = (count: number): string =>
  envelope(
    'ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:ResponseMessages>' +
      (
        '<m:MailTipsResponseMessageType ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:MailTips>' +
        '<t:OutOfOffice><t:ReplyBody><t:Message>Away</t:Message></t:ReplyBody></t:OutOfOffice>' +
        '</m:MailTips></m:MailTipsResponseMessageType>'
      ).repeat(count) +
      '</m:ResponseMessages>',
  );

async function open(options: Partial<EwsCalendarSourceOptions> = {}, simulated: ExchangeSimulatorOptions = {}) {
  const clock = new FakeClock(start);
  const simulator = await startExchangeSimulator({ clock, ...simulated });
  onTestFinished(() => simulator.stop());
  for (const mailbox of [alice, bob]) simulator.calendars.addMailbox(mailbox);
  const logger = new RecordingLogger();
  const source = createEwsCalendarSource({
    name: 'main',
    url: simulator.url,
    credentials: basicCredentials('gateway', 'secret'),
    concurrency: 4,
    clock,
    logger,
    random: () => 0.5,
    automaticReplies: true,
    ...options,
  });
  onTestFinished(() => source.close());
  const ask = async (...mailboxes: string[]) => {
    const window = { start: clock.now() - HOUR, end: clock.now() + 48 * HOUR };
    const answers = await source.freeBusy(mailboxes, window, idle);
    return answers.map((answer) => ('periods' in answer ? answer.periods : undefined));
  };
  const count = (operation: string) => simulator.requests.filter((request) => request.operation === operation).length;
  const { calendars, faults } = simulator;
  return { clock, simulator, calendars, faults, source, logger, ask, count };
}

describe('a mailbox with automatic replies', () => {
  test('is out of office while they are scheduled, whatever the calendar says', async () => {
    const { calendars, ask, logger } = await open();
    const during = { start: start - 2 * HOUR, end: start + 5 * HOUR };
    calendars.automaticReply(alice, { ...during, text: 'I am at the seaside' });
    calendars.book(alice, { start: start + HOUR, end: start + 2 * HOUR });
    expect(await ask(alice, bob)).toEqual([
      [
        { start: start + HOUR, end: start + 2 * HOUR, status: 'Busy' },
        { start: start - HOUR, end: start + 5 * HOUR, status: 'OOF' },
      ],
      [],
    ]);
    expect(JSON.stringify(logger.entries)).not.toContain('seaside');
  });

  test('without a schedule is out of office for as long as it replies, since it was first heard of', async () => {
    const { calendars, ask, clock } = await open();
    calendars.automaticReply(alice, { text: 'Away' });
    for (let i = 0; i < 3; i++) {
      expect(await ask(alice)).toEqual([[{ start, end: clock.now() + 48 * HOUR, status: 'OOF' }]]);
      clock.advance(10 * MINUTE);
    }
    calendars.automaticReply(alice, undefined);
    expect(await ask(alice)).toEqual([[]]);
  });

  test('is not looked for unless that is wanted', async () => {
    const { calendars, ask, count } = await open({ automaticReplies: false });
    calendars.automaticReply(alice, { text: 'Away' });
    expect(await ask(alice)).toEqual([[]]);
    expect(count('GetMailTips')).toBe(0);
  });

  test('is asked about every ten minutes at most, and nobody is impersonated for it', async () => {
    const { ask, count, clock, simulator } = await open();
    for (let i = 0; i < 21; i++) {
      await ask(alice, bob);
      clock.advance(MINUTE);
    }
    expect(count('GetMailTips')).toBe(3);
    expect(new Set(simulator.requests.map(({ impersonated }) => impersonated))).toEqual(new Set([undefined]));
    expect(simulator.rejections).toEqual([]);
  });

  test('has its schedule looked up where it may be impersonated', async () => {
    const { calendars, ask, count, faults } = await open({ impersonation: true }, { impersonation: true });
    calendars.automaticReply(alice, { start: start - HOUR, end: start + HOUR, text: 'Away' });
    // Without the schedule, as servers before 2013 have it.
    faults.set({ kind: 'response-style' });
    calendars.automaticReply(bob, { text: 'Away' });
    expect(await ask(alice, bob)).toEqual([
      [{ start: start - HOUR, end: start + HOUR, status: 'OOF' }],
      [{ start, end: start + 48 * HOUR, status: 'OOF' }],
    ]);
    expect(count('GetUserOofSettingsRequest')).toBe(1);
  });

  test('keeps a known end although the server no longer tells it', async () => {
    const { calendars, ask, clock } = await open();
    calendars.automaticReply(alice, { start: start - HOUR, end: start + HOUR, text: 'Away' });
    await ask(alice);
    clock.advance(10 * MINUTE);
    calendars.automaticReply(alice, { text: 'Away' });
    expect(await ask(alice)).toEqual([[{ start: start - 50 * MINUTE, end: start + HOUR, status: 'OOF' }]]);
    clock.advance(HOUR);
    expect(await ask(alice)).toEqual([[{ start: clock.now(), end: clock.now() + 48 * HOUR, status: 'OOF' }]]);
  });

  test('has its schedule looked up in its turn, where there are many, and not again within the hour', async () => {
    const { calendars, ask, clock, simulator } = await open({ impersonation: true }, { impersonation: true });
    const all = Array.from({ length: 30 }, (_, i) => `user${i}@example.com`);
    for (const mailbox of all) {
      calendars.addMailbox(mailbox);
      calendars.automaticReply(mailbox, { text: 'Away' });
    }
    for (let i = 0; i < 5; i++) {
      await ask(...all);
      clock.advance(10 * MINUTE);
    }
    const lookUps = simulator.requests.filter(({ operation }) => operation === 'GetUserOofSettingsRequest');
    expect(lookUps.map(({ impersonated }) => impersonated).sort()).toEqual([...all].sort());
    clock.advance(20 * MINUTE);
    await ask(...all);
    expect(simulator.requests.filter(({ operation }) => operation === 'GetUserOofSettingsRequest')).toHaveLength(40);
  });

  test.each([
    ['is out of office now though its schedule is one of the past', -2 * HOUR, [{ start, status: 'OOF' }]],
    ['is not out of office beyond the end of its schedule, be the clocks a little apart', -MINUTE, []],
  ])('%s', async (_name, end, expected) => {
    const clock = new FakeClock(start);
    const during =
      `<t:Duration><t:StartTime>${new Date(start - 9 * HOUR).toISOString()}</t:StartTime>` +
      `<t:EndTime>${new Date(start + end).toISOString()}</t:EndTime></t:Duration></t:OutOfOffice>`;
    const transport: EwsTransport = {
      url: 'https://exchange.example/EWS/Exchange.asmx',
      async post(_request, sink) {
        sink(mailTips(1).replace('</t:OutOfOffice>', during));
        return { status: 200, headers: new Map(), cookies: [], scheme: 'basic' };
      },
      async close() {},
    };
    const budget = new RequestBudget({ concurrency: 4, random: () => 0.5 });
    const logger = new RecordingLogger();
    const replies = new AutomaticReplies({ transport, budget, clock, logger, impersonation: false });
    await replies.refresh([alice], idle);
    const answer = replies.merge({ mailbox: alice, periods: [] }, { start, end: start + HOUR });
    expect(answer).toMatchObject({ periods: expected });
    expect('periods' in answer && answer.periods).toHaveLength(expected.length);
    expect(logger.entries).toEqual([]);
  });

  test('is asked about again though the clock was set back', async () => {
    const { calendars, ask, clock } = await open();
    calendars.automaticReply(alice, { text: 'Away' });
    expect(await ask(alice)).toMatchObject([[{ status: 'OOF' }]]);
    calendars.automaticReply(alice, undefined);
    clock.jump(-24 * HOUR);
    expect(await ask(alice)).toEqual([[]]);
  });

  test('of which the server does not know yet is asked about again soon', async () => {
    const { calendars, ask, faults, clock } = await open();
    calendars.automaticReply(alice, { text: 'Away' });
    faults.set({ kind: 'pending-mail-tips', times: 1 });
    expect(await ask(alice)).toEqual([[]]);
    clock.advance(MINUTE);
    expect(await ask(alice)).toMatchObject([[{ status: 'OOF' }]]);
  });
});

describe('a server', () => {
  test('that has no slot to spare keeps free/busy waiting for a second at most', async () => {
    const clock = new FakeClock(start);
    const transport: EwsTransport = {
      url: 'https://exchange.example/EWS/Exchange.asmx',
      async post(_request, sink) {
        sink(mailTips(1));
        return { status: 200, headers: new Map(), cookies: [], scheme: 'basic' };
      },
      async close() {},
    };
    const budget = new RequestBudget({ concurrency: 1, random: () => 0.5 });
    const logger = new RecordingLogger();
    const replies = new AutomaticReplies({ transport, budget, clock, logger, impersonation: false });
    let end = (): void => {};
    void budget.run(clock, () => new Promise<void>((resolve) => (end = resolve)));
    let isDone = false;
    const refreshed = replies.refresh([alice], idle).then(() => {
      isDone = true;
    });
    await clock.pass(1000);
    expect(isDone).toBe(true);
    await refreshed;
    expect(logger.entries).toEqual([]);
    // What comes later is for the next answer.
    end();
    await clock.pass(100);
    const hours = { zone: 'UTC', periods: [] };
    const answer = replies.merge({ mailbox: alice, periods: [], hours }, { start, end: start + HOUR });
    expect(answer).toMatchObject({ periods: [{ status: 'OOF' }], hours });
    expect(clock.pending).toBe(0);
  });

  test('that allows fewer recipients gets smaller requests from then on', async () => {
    const { simulator, ask, count, clock } = await open({}, { mailTips: 10 });
    const all = Array.from({ length: 40 }, (_, i) => `user${i}@example.com`);
    for (const mailbox of all) simulator.calendars.addMailbox(mailbox);
    simulator.calendars.automaticReply('user39@example.com', { text: 'Away' });
    expect((await ask(...all)).at(-1)).toMatchObject([{ status: 'OOF' }]);
    const tried = count('GetMailTips');
    clock.advance(10 * MINUTE);
    await ask(...all);
    expect(count('GetMailTips') - tried).toBe(4);
  });

  test('that refuses requests for some mailboxes in them answers for the others, and is not asked for those soon', async () => {
    const clock = new FakeClock(start);
    const poisonous = ['user20@example.com', 'user70@example.com'];
    const asked: string[][] = [];
    const transport: EwsTransport = {
      url: 'https://exchange.example/EWS/Exchange.asmx',
      async post({ body }, sink) {
        const some = [...body.matchAll(/<t:Mailbox><t:EmailAddress>([^<]*)/g)].map(([, address = '']) => address);
        asked.push(some);
        sink(poisonous.some((one) => some.includes(one)) ? refusal : mailTips(some.length));
        return { status: 200, headers: new Map(), cookies: [], scheme: 'basic' };
      },
      async close() {},
    };
    const budget = new RequestBudget({ concurrency: 4, random: () => 0.5 });
    const logger = new RecordingLogger();
    const replies = new AutomaticReplies({ transport, budget, clock, logger, impersonation: false });
    const all = Array.from({ length: 100 }, (_, i) => `user${i}@example.com`);
    const window = { start, end: start + 24 * HOUR };
    for (let i = 0; i < 5; i++) {
      const refreshed = replies.refresh(all, idle);
      await clock.pass(5000);
      await refreshed;
      const merged = all.map((mailbox) => replies.merge({ mailbox, periods: [] }, window));
      expect(merged.filter((answer) => 'periods' in answer && answer.periods.length === 1)).toHaveLength(98);
      clock.advance(10 * MINUTE);
    }
    expect(logger.entries).toEqual([]);
    expect(asked.flat().filter((mailbox) => mailbox === poisonous[0]).length).toBeLessThan(10);
    expect(asked.at(-1)).toHaveLength(48);
  });

  test.each([
    { kind: 'fault-in-200', code: 'ErrorInvalidOperation' },
    { kind: 'html' },
    { kind: 'busy-fault', backOff: 1000 },
    { kind: 'busy-in-200' },
    { kind: 'empty-500' },
    { kind: 'hang' },
    { kind: 'cut-body' },
  ] as const)('that answers with %j does free/busy no harm, and what was known is kept for an hour', async (fault) => {
    const { calendars, ask, faults, clock, logger } = await open();
    calendars.automaticReply(alice, { text: 'Away' });
    await ask(alice);
    faults.set({ ...fault, operation: 'GetMailTips' });
    for (let minute = 0; minute < 90; minute += 14) {
      const asked = ask(alice);
      // What hangs is given up after ten seconds.
      const ticks = setInterval(() => clock.advance(2000), 20);
      expect(await asked).toMatchObject([minute < 60 ? [{ status: 'OOF' }] : []]);
      clearInterval(ticks);
      clock.advance(14 * MINUTE);
    }
    const warnings = () => logger.entries.filter(({ level }) => level === 'warn');
    expect(warnings()).toHaveLength(1);
    faults.clear();
    clock.advance(10 * MINUTE);
    expect(await ask(alice)).toMatchObject([[{ status: 'OOF' }]]);
    expect(warnings()).toHaveLength(1);
    expect(logger.entries.filter(({ level }) => level === 'info')).toHaveLength(1);
  });
});
