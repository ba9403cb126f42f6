// The feed in weather that lasts: what it costs the server, what is told of it, and what remains of it afterwards.
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEwsLibrary } from '../../../../adapters/ews/ews-library.ts';
import { addresses, type FollowedOptions, listening, openFollowed } from './followed-simulator.ts';

// Loading takes a second, and several on a busy machine.
beforeAll(() => loadEwsLibrary(), 60_000);

const MINUTE = 60_000;

describe('streams that are silent from their beginning, as behind a proxy that gathers answers', () => {
  test('are opened at growing intervals, with new subscriptions once, and are told of', async () => {
    const { simulator, start, add, pass, said, count } = await openFollowed();
    simulator.faults.set({ kind: 'stream-silent' });
    start();
    add(...addresses(3));
    for (let minute = 0; minute < 40; minute++) await pass(MINUTE);
    expect(count('GetStreamingEvents')).toBeLessThan(16);
    // Three, and once more.
    expect(count('Subscribe')).toBeLessThan(10);
    expect(said('warn')).toHaveLength(1);
    expect(said('info')).toEqual([]);
  });
});

describe('a feed that is stopped and started anew', () => {
  test('subscribes though it had given up before', async () => {
    let mayImpersonate = false;
    const followed = await openFollowed({ simulator: { impersonation: () => mayImpersonate } });
    const { start, add, until, said, changes, simulator } = followed;
    start();
    add(...addresses(8));
    await until(() => said('warn').length === 1);
    await changes.stop();
    mayImpersonate = true;
    start();
    add(...addresses(8));
    await until(() => simulator.notifications.streams.flat().length === 8);
  });

  test('has all its room again', async () => {
    const followed = await listening(addresses(8));
    const { start, add, until, said, changes, simulator } = followed;
    simulator.faults.set({ kind: 'fault-in-200', code: 'ErrorExceededSubscriptionCount', operation: 'Subscribe' });
    add('zoe@example.com', 'zuri@example.com', 'zyta@example.com');
    await until(() => said('warn').length === 1);
    simulator.faults.clear();
    const stopped = changes.stop();
    await followed.pass(1000);
    await stopped;
    start();
    add(...addresses(8));
    await until(() => simulator.notifications.subscriptions.length === 8);
  });
});

describe('mailboxes that can not be subscribed', () => {
  test('for others have used up their subscriptions cost nobody else anything', async () => {
    const other = await listening(['user0003@example.com'], { simulator: { subscriptions: 1 } });
    const followed = await openFollowed({ source: { url: other.simulator.url, clock: other.clock } });
    for (const mailbox of addresses(10)) other.simulator.calendars.addMailbox(mailbox);
    followed.start();
    followed.add(...addresses(10));
    const heard = () => other.simulator.notifications.streams.flat().length;
    await other.until(() => heard() === 10);
    expect(followed.said('warn')).toEqual([]);
  });

  test('for they are not on this server keep nobody else out, and are tried now and then', async () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const { start, add, until, pass, changes, simulator } = await openFollowed({ source: { random } });
    start();
    // The first of the alphabet: they come first.
    for (let i = 0; i < 10; i++) changes.follow(`remote${i}@example.com`);
    add(...addresses(5));
    for (let minute = 0; minute < 30; minute++) await pass(MINUTE);
    await until(() => simulator.notifications.streams.flat().length === 5);
    await pass(MINUTE);
    const tries = () => simulator.requests.filter(({ impersonated }) => impersonated?.startsWith('remote')).length;
    const before = tries();
    for (let minutes = 0; minutes < 60; minutes += 5) await pass(5 * MINUTE);
    expect(tries() - before).toBeLessThanOrEqual(30);
  });
});

describe('a server that refuses many subscriptions at once', () => {
  test('for it has enough keeps half of them', async () => {
    const { simulator, add, until, said, pass, logger } = await listening(addresses(40));
    simulator.faults.set({ kind: 'fault-in-200', code: 'ErrorExceededSubscriptionCount', operation: 'Subscribe' });
    add(...Array.from({ length: 30 }, (_, i) => `zoe${i}@example.com`));
    await until(() => said('warn').length === 1);
    await pass(50_000);
    expect(simulator.notifications.subscriptions.length).toBeGreaterThanOrEqual(20);
    expect(logger.entries.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });
});

describe('more sites than there may be groups', () => {
  const groupOf = (mailbox: string) => mailbox.slice(0, 7);
  const options: FollowedOptions = { source: { notifications: { mailboxes: 100, groupOf } } };

  test('don’t keep others from the room that is left', async () => {
    const { start, add, until, simulator } = await openFollowed(options);
    start();
    // Ten sites of ten, of which six get groups; then more of these six.
    add(...addresses(100));
    const heard = () => simulator.notifications.streams.flat().length;
    await until(() => heard() === 60);
    add(...Array.from({ length: 40 }, (_, i) => `user000x${i}@example.com`));
    await until(() => heard() === 100);
  });
});

describe('a stream that ends while newcomers gather', () => {
  test('takes them along, and its successor is left alone', async () => {
    const { add, pass, until, count, simulator, takeNamed } = await listening(addresses(2));
    add('x@example.com');
    await pass(4000);
    simulator.faults.set({ kind: 'stream-end', times: 1 });
    simulator.notifications.beat();
    await until(() => simulator.notifications.streams.flat().length === 3);
    await until(() => takeNamed().length === 3);
    await pass(MINUTE);
    expect(count('GetStreamingEvents')).toBe(2);
    expect(takeNamed()).toEqual([]);
  });
});
