// The feed against the simulator: what is heard, and how it recovers from what goes wrong with a stream.
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEwsLibrary } from '../../../../adapters/ews/ews-library.ts';
import type { FaultSetting, RequestFault } from '../../../support/exchange-simulator/faults.ts';
import { listening, openFollowed } from './followed-simulator.ts';

// Loading takes a second, and several on a busy machine.
beforeAll(() => loadEwsLibrary(), 60_000);

const three = ['alice@example.com', 'bob@example.com', 'o&m@example.com'];

describe('a change in a calendar', () => {
  test('names its mailbox, and no other', async () => {
    const { simulator, book, takeNamed, until, logger } = await listening(three);
    for (const mailbox of three) {
      book(mailbox);
      const named: string[] = [];
      await until(() => named.push(...takeNamed()) > 0);
      expect(named).toEqual([mailbox]);
    }
    expect(simulator.rejections).toEqual([]);
    expect(JSON.stringify(logger.entries)).not.toContain('entry-');
  });

  test.each([
    { chunks: 1 },
    { chunks: 'together', envelopes: 'each' },
    { envelopes: 'one' },
    { notification: 'types' },
  ] as const)('is heard in a stream that is written as %j', async (style) => {
    const followed = await openFollowed();
    followed.simulator.faults.set({ kind: 'stream-style', ...style });
    followed.start();
    followed.add(...three);
    await followed.until(() => followed.simulator.notifications.streams.length === 1);
    await followed.until(() => followed.takeNamed().length === 3);
    for (const mailbox of three) followed.book(mailbox);
    const named = new Set<string>();
    await followed.until(() => {
      for (const mailbox of followed.takeNamed()) named.add(mailbox);
      return named.size === 3;
    });
  });

  test.each(['s', 'soap', 'soap11', 'SOAP', 'none'] as const)('is heard with the prefix "%s"', async (prefix) => {
    const { simulator, book, takeNamed, until } = await listening(three);
    simulator.faults.set({ kind: 'response-style', prefix });
    book('bob@example.com');
    await until(() => takeNamed()[0] === 'bob@example.com');
  });
});

describe('a stream', () => {
  test('that the server closes as arranged goes on with the same subscriptions, and nobody is named', async () => {
    const { pass, count, takeNamed, book, until, simulator } = await listening(three);
    await pass(95 * 60_000);
    expect(count('GetStreamingEvents')).toBeGreaterThanOrEqual(4);
    expect(count('Subscribe')).toBe(3);
    expect(takeNamed()).toEqual([]);
    book('alice@example.com');
    await until(() => takeNamed()[0] === 'alice@example.com');
    expect(simulator.rejections).toEqual([]);
  });

  test.each<FaultSetting>([
    { kind: 'stream-cut', times: 1 },
    { kind: 'stream-garbage', times: 1 },
    { kind: 'stream-end', times: 1 },
    { kind: 'stream-error', times: 1 },
    { kind: 'stream-garbage', text: '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]>', times: 1 },
  ])('that is lost by %j is opened again, and everyone is named', async (fault) => {
    const { simulator, takeNamed, until, book, count } = await listening(three);
    simulator.faults.set(fault);
    simulator.notifications.beat();
    await until(() => takeNamed().length === 3);
    expect(count('Subscribe')).toBe(3);
    book('alice@example.com');
    await until(() => takeNamed()[0] === 'alice@example.com');
  });

  test('that falls silent is given up after 90 seconds, and everyone is named', async () => {
    const { simulator, takeNamed, until, pass, clock } = await listening(three);
    await pass(40_000);
    simulator.faults.set({ kind: 'stream-silent' });
    const since = clock.now();
    await until(() => clock.now() - since > 85_000);
    expect(takeNamed()).toEqual([]);
    simulator.faults.clear();
    await until(() => takeNamed().length === 3);
    expect(clock.now() - since).toBeLessThan(100_000);
  });

  test('whose subscriptions the server has forgotten gets new ones', async () => {
    const { simulator, takeNamed, until, book, count } = await listening(three);
    simulator.notifications.restart();
    await until(() => takeNamed().length === 3);
    expect(count('Subscribe')).toBe(6);
    book('alice@example.com');
    await until(() => takeNamed()[0] === 'alice@example.com');
    expect(simulator.notifications.subscriptions).toHaveLength(3);
  });

  test('keeps the subscriptions that are good when one of them is lost', async () => {
    const { simulator, takeNamed, until, count } = await listening(three);
    simulator.notifications.loseMailbox('bob@example.com');
    await until(() => takeNamed().length === 3);
    expect(count('Subscribe')).toBe(4);
  });

  test.each<(RequestFault & { times: number }) | { kind: 'refuse-connections' }>([
    { kind: 'unavailable', retryAfter: 20, times: 1 },
    { kind: 'busy-fault', times: 1 },
    { kind: 'busy-in-200', times: 1 },
    { kind: 'too-many-connections', times: 1 },
    { kind: 'html', times: 1 },
    { kind: 'empty-500', times: 1 },
    { kind: 'refuse-connections' },
  ])('is opened again after %j', async (fault) => {
    const { simulator, takeNamed, until, book, pass } = await listening(three);
    simulator.faults.set(fault.kind === 'refuse-connections' ? fault : { ...fault, operation: 'GetStreamingEvents' });
    simulator.faults.set({ kind: 'stream-end', times: 1 });
    simulator.notifications.beat();
    await pass(10_000);
    simulator.faults.clear('refuse-connections');
    await until(() => takeNamed().length === 3);
    book('alice@example.com');
    await until(() => takeNamed()[0] === 'alice@example.com');
  });

  test('that was answered 401 is opened again when free/busy has shown that the account is good', async () => {
    const { simulator, source, clock, takeNamed, until, pass, count } = await listening(three);
    simulator.faults.set({ kind: 'unauthorized', times: 1, operation: 'GetStreamingEvents' });
    simulator.faults.set({ kind: 'stream-end', times: 1 });
    simulator.notifications.beat();
    await pass(20 * 60_000);
    expect(count('GetStreamingEvents')).toBe(2);
    const window = { start: clock.now(), end: clock.now() + 1000 };
    await source.freeBusy(three, window, new AbortController().signal);
    await until(() => takeNamed().length === 3);
  });
});
