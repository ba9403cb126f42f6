// Subscriptions that the server does not know, or loses again and again: what is tried, how often, and what is told of it.
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEwsLibrary } from '../../../../adapters/ews/ews-library.ts';
import type { RecordingLogger } from '../../../support/recording-logger.ts';
import { addresses } from './followed-simulator.ts';
import { openScripted, type Refusal, streamError } from './scripted-server.ts';

// Loading takes a second, and several on a busy machine.
beforeAll(() => loadEwsLibrary(), 60_000);

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const unknown = (...ids: readonly string[]): Refusal => ({ code: 'ErrorSubscriptionNotFound', ids });

describe('a server that names subscriptions as unknown that are not ours', () => {
  test('gets ours back, and new ones when one that was tried is heard', async () => {
    const { server, follow, pass, takeNamed } = await openScripted();
    const refusals = [unknown('somebody', 'else'), unknown('somebody')];
    server.onListen = () => refusals.pop();
    follow(addresses(20));
    await pass(30 * SECOND);
    expect(server.heard()).toEqual(addresses(20));
    expect(takeNamed()).toEqual(addresses(20));
    // None was left behind.
    expect(server.subscriptions.size).toBe(20);
  });

  test('for ever costs it one subscription now and then, and is told of once', async () => {
    const { server, follow, pass, said } = await openScripted();
    server.onListen = () => unknown('somebody');
    follow(addresses(20));
    await pass(10 * MINUTE);
    const before = server.asked.length;
    await pass(2 * HOUR);
    // Each time Subscribe, GetStreamingEvents, Unsubscribe: every five minutes at most.
    expect(server.asked.length - before).toBeLessThan(3 * 30);
    expect(server.subscriptions.size).toBeLessThanOrEqual(1);
    expect(said('warn')).toHaveLength(1);
    // Not always in the same mailbox's name: it might be its fault.
    expect(new Set(server.asked.slice(before).map(({ mailbox }) => mailbox)).size).toBeGreaterThan(5);
    server.onListen = () => undefined;
    await pass(10 * MINUTE);
    expect(server.heard()).toEqual(addresses(20));
    expect(said('info')).toHaveLength(1);
  });
});

describe('a server that knows none of the subscriptions that it has just made', () => {
  test('is not asked for all of them again and again', async () => {
    const { server, follow, pass } = await openScripted();
    server.onListen = (ids) => {
      for (const id of ids) server.subscriptions.delete(id);
      return unknown(...ids);
    };
    follow(addresses(100));
    await pass(10 * MINUTE);
    const before = server.count('Subscribe');
    expect(before).toBeLessThan(120);
    await pass(HOUR);
    expect(server.count('Subscribe') - before).toBeLessThan(20);
    server.onListen = () => undefined;
    await pass(10 * MINUTE);
    expect(server.heard()).toEqual(addresses(100));
  });
});

describe('a server that hears one, and never all', () => {
  test('is not asked for all of them again and again', async () => {
    const { server, follow, pass } = await openScripted();
    server.onListen = (ids) => {
      if (ids.length === 1) return undefined;
      for (const id of ids) server.subscriptions.delete(id);
      return unknown(...ids);
    };
    follow(addresses(100));
    await pass(30 * MINUTE);
    const before = server.count('Subscribe');
    expect(before).toBeLessThan(600);
    await pass(2 * HOUR);
    expect(server.count('Subscribe') - before).toBeLessThan(500);
    server.onListen = () => undefined;
    await pass(35 * MINUTE);
    expect(server.heard()).toEqual(addresses(100));
  });
});

describe('streams that are answered with something else', () => {
  test('leave no subscriptions behind when new ones are made', async () => {
    const { server, follow, pass } = await openScripted();
    server.onListen = () => ({ code: 'ErrorInternalServerError' });
    follow(addresses(10));
    await pass(20 * MINUTE);
    expect(server.subscriptions.size).toBeLessThanOrEqual(1);
    server.onListen = () => undefined;
    await pass(10 * MINUTE);
    expect(server.heard()).toEqual(addresses(10));
    expect(server.subscriptions.size).toBe(10);
  });
});

describe('mailboxes whose subscriptions are never where the others are', () => {
  const warnings = (logger: RecordingLogger) => logger.entries.filter(({ level }) => level === 'warn');

  test('for each has a server of its own are tried in so many groups, then named once and left alone for hours', async () => {
    const { server, logger, follow, pass } = await openScripted();
    server.onListen = (ids, anchor) => {
      const elsewhere = ids.filter((id) => !id.endsWith(anchor));
      return elsewhere.length === 0 ? undefined : unknown(...elsewhere);
    };
    follow(addresses(20));
    await pass(20 * MINUTE);
    expect(server.heard()).toEqual(addresses(16));
    expect(warnings(logger).map(({ fields }) => fields)).toMatchObject([
      { count: 4, mailboxes: addresses(20).slice(16) },
    ]);
    expect(JSON.stringify(warnings(logger))).toContain('autodiscover');
    const asked = server.asked.length;
    await pass(4 * HOUR);
    expect(server.asked.length).toBe(asked);
    await pass(8 * HOUR);
    expect(server.asked.length).toBeGreaterThan(asked);
    expect(warnings(logger)).toHaveLength(1);
  });

  test('for no server keeps them are named once and left alone for half an hour; the others are heard', async () => {
    const { server, logger, follow, pass } = await openScripted();
    const lost = ['user0005@example.com', 'user0007@example.com'];
    const isLost = (id: string) => lost.some((mailbox) => id.endsWith(mailbox));
    server.onListen = (ids) => (ids.some(isLost) ? unknown(...ids.filter(isLost)) : undefined);
    follow(addresses(20));
    await pass(5 * MINUTE);
    expect(server.heard()).toEqual(addresses(20).filter((mailbox) => !lost.includes(mailbox)));
    const named = warnings(logger).filter(({ fields }) => Array.isArray(fields.mailboxes));
    expect(named.map(({ fields }) => fields.mailboxes)).toEqual([lost]);
    const asked = server.asked.length;
    await pass(20 * MINUTE);
    expect(server.asked.length).toBe(asked);
    server.onListen = () => undefined;
    await pass(20 * MINUTE);
    expect(server.heard()).toEqual(addresses(20));
    expect(warnings(logger).filter(({ fields }) => Array.isArray(fields.mailboxes))).toHaveLength(1);
  });
});

describe('a mailbox whose subscription is lost again and again', () => {
  test('does not cost the others their stream for long, and is told of', async () => {
    const { server, logger, follow, pass } = await openScripted();
    const fickle = 'user0003@example.com';
    follow(addresses(10));
    await pass(10 * SECOND);
    let losses = 0;
    for (let round = 0; round < 30; round++) {
      await pass(2 * MINUTE);
      const [id] = server.idsOf(fickle);
      const stream = [...server.streams].find(({ ids }) => id !== undefined && ids.includes(id));
      if (id === undefined || stream === undefined) continue;
      losses++;
      server.subscriptions.delete(id);
      stream.end(streamError({ code: 'ErrorReadEventsFailed', ids: [id] }));
    }
    expect(losses).toBeLessThan(10);
    expect(server.heard().filter((mailbox) => mailbox !== fickle)).toHaveLength(9);
    const [warning, ...more] = logger.entries.filter(({ level }) => level === 'warn');
    expect(warning?.fields).toMatchObject({ mailboxes: [fickle], count: 1 });
    expect(more).toEqual([]);
  });
});
