// The feed against the simulator: for whom it listens, in which groups, and what it does when it may not.
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEwsLibrary } from '../../../../adapters/ews/ews-library.ts';
import { addresses, listening, openFollowed } from './followed-simulator.ts';

// Loading takes a second, and several on a busy machine.
beforeAll(() => loadEwsLibrary(), 60_000);

const idle = new AbortController().signal;

describe('the mailboxes', () => {
  test('are in groups of at most 200, each in the name of its first mailbox, which leads all its requests', async () => {
    const all = addresses(450);
    const { simulator } = await listening(all);
    expect(simulator.notifications.streams.map(({ length }) => length).sort()).toEqual([200, 200, 50].sort());
    const opened = simulator.requests.filter(({ operation }) => operation === 'GetStreamingEvents');
    const anchors = ['user0000@example.com', 'user0200@example.com', 'user0400@example.com'];
    expect(opened.map(({ impersonated }) => impersonated).sort()).toEqual(anchors);
    for (const { headers, impersonated } of opened) {
      expect(headers).toMatchObject({ 'x-anchormailbox': impersonated, 'x-preferserveraffinity': 'true' });
    }
    const subscribed = simulator.requests.filter(({ operation }) => operation === 'Subscribe');
    for (const { headers, impersonated = '' } of subscribed) {
      expect(headers['x-anchormailbox']).toBe(anchors.findLast((anchor) => anchor <= impersonated));
    }
    expect(simulator.rejections).toEqual([]);
  });

  test('are as many as configured, the first that came; others follow when there is room', async () => {
    const { simulator, changes, add, until, count } = await listening(addresses(3), { mailboxes: 3 });
    add('zoe@example.com');
    const heard = () => simulator.notifications.subscriptions.map(({ mailbox }) => mailbox).sort();
    expect(heard()).toEqual(addresses(3));
    changes.unfollow('user0001@example.com');
    await until(() => heard().includes('zoe@example.com') && heard().length === 3);
    expect(heard()).toEqual(['user0000@example.com', 'user0002@example.com', 'zoe@example.com']);
    expect(count('Unsubscribe')).toBe(1);
  });

  test('that come one after the other gather before a stream is opened anew for them', async () => {
    const { add, pass, until, takeNamed, count, simulator } = await listening(addresses(2));
    for (const mailbox of ['x@example.com', 'y@example.com', 'z@example.com']) {
      add(mailbox);
      await pass(4000);
    }
    await until(() => simulator.notifications.streams.flat().length === 5);
    await until(() => takeNamed().includes('z@example.com'));
    expect(count('GetStreamingEvents')).toBe(2);
  });

  test('that nobody follows any more are unsubscribed, and not named', async () => {
    const { simulator, changes, book, until, pass, takeNamed, count } = await listening(addresses(2));
    for (const mailbox of addresses(2)) changes.unfollow(mailbox);
    book('user0001@example.com');
    await until(() => simulator.notifications.subscriptions.length === 0);
    await pass(60_000);
    expect(takeNamed()).toEqual([]);
    expect(count('Unsubscribe')).toBe(2);
    expect(simulator.notifications.streams).toEqual([]);
  });
});

describe('several servers behind one address', () => {
  test('are found out one by one where nobody says which mailbox is where', async () => {
    const { simulator, book, takeNamed, until } = await listening(addresses(30), { simulator: { backends: 3 } });
    await until(() => simulator.notifications.streams.flat().length === 30);
    expect(simulator.notifications.streams.length).toBeGreaterThan(0);
    takeNamed();
    for (const mailbox of addresses(30)) book(mailbox);
    const named = new Set<string>();
    await until(() => {
      for (const mailbox of takeNamed()) named.add(mailbox);
      return named.size === 30;
    });
    expect(simulator.rejections).toEqual([]);
  });

  test('have groups of their own where that is known', async () => {
    const groupOf = (mailbox: string) => (mailbox < 'user0010' ? 'site A' : 'site B');
    const { simulator } = await listening(addresses(20), {
      source: { notifications: { mailboxes: 100, groupOf } },
    });
    expect(simulator.notifications.streams.map(({ length }) => length)).toEqual([10, 10]);
  });
});

describe('a server that refuses', () => {
  test('all impersonation is left alone, said once, and tried again; free/busy goes on', async () => {
    let mayImpersonate = false;
    const followed = await openFollowed({ simulator: { impersonation: () => mayImpersonate } });
    const { source, start, add, pass, until, count, said, clock, simulator, logger } = followed;
    start();
    add(...addresses(300));
    await until(() => said('warn').length === 1);
    await pass(60_000);
    expect(count('Subscribe')).toBe(0);
    const tries = simulator.requests.length;
    expect(tries).toBeLessThan(10);
    expect(JSON.stringify(logger.entries)).toContain('ApplicationImpersonation');
    const window = { start: clock.now(), end: clock.now() + 1000 };
    expect(await source.freeBusy(['user0001@example.com'], window, idle)).toMatchObject([{ periods: [] }]);
    expect(source.budget.notBefore).toBeLessThanOrEqual(clock.now());

    mayImpersonate = true;
    await pass(12 * 60_000);
    await until(() => simulator.notifications.streams.flat().length === 300);
    expect(said('warn')).toHaveLength(1);
    expect(said('info')).toHaveLength(1);
  });

  test('one mailbox does not keep us from the others', async () => {
    const followed = await openFollowed({ simulator: { impersonation: (mailbox) => !mailbox.startsWith('user0000') } });
    const { start, add, until, said, pass, simulator } = followed;
    start();
    add(...addresses(5));
    await until(() => simulator.notifications.streams.flat().length === 4);
    const asked = simulator.requests.length;
    await pass(20 * 60_000);
    expect(simulator.requests.length).toBe(asked);
    expect(said('warn')).toEqual([]);
  });
});

describe('a server that has enough subscriptions', () => {
  test('keeps half of them, and is offered more half an hour later', async () => {
    const { simulator, add, until, said, pass } = await listening(addresses(10));
    simulator.faults.set({ kind: 'fault-in-200', code: 'ErrorExceededSubscriptionCount', operation: 'Subscribe' });
    add('zoe@example.com', 'zuri@example.com', 'zyta@example.com');
    await until(() => said('warn').length === 1);
    await until(() => simulator.notifications.subscriptions.length === 5);
    await until(() => simulator.notifications.streams.flat().length === 5);
    simulator.faults.clear();
    await pass(20 * 60_000);
    expect(simulator.notifications.subscriptions).toHaveLength(5);
    await pass(70 * 60_000);
    expect(simulator.notifications.streams.flat()).toHaveLength(13);
    expect(said('warn')).toHaveLength(1);
  });
});

describe('a stream that never comes to be', () => {
  test('makes the subscriptions doubtful, is told once, and is told when it is over', async () => {
    const followed = await openFollowed();
    const { simulator, start, add, until, pass, said, count, clock, source } = followed;
    simulator.faults.set({ kind: 'html', operation: 'GetStreamingEvents' });
    start();
    add(...addresses(2));
    await until(() => count('Subscribe') > 2 && said('warn').length === 1);
    // It is no trouble of the whole server.
    expect(source.budget.notBefore).toBeLessThanOrEqual(clock.now());
    const opened = count('GetStreamingEvents');
    await pass(30 * 60_000);
    expect(count('GetStreamingEvents') - opened).toBeLessThan(12);
    simulator.faults.clear();
    await pass(7 * 60_000);
    await until(() => simulator.notifications.streams.flat().length === 2);
    await pass(2 * 60_000);
    expect(said('warn')).toHaveLength(1);
    expect(said('info')).toHaveLength(1);
  });
});

describe('the end', () => {
  test('gives all subscriptions back, and a new beginning is possible', async () => {
    const { simulator, changes, start, add, until, pass, takeNamed } = await listening(addresses(40));
    const stopped = changes.stop();
    await pass(1000);
    await stopped;
    expect(simulator.notifications.subscriptions).toEqual([]);
    expect(simulator.notifications.streams).toEqual([]);
    takeNamed();
    start();
    add(...addresses(3));
    await until(() => takeNamed().length > 0);
    expect(simulator.notifications.streams.flat()).toHaveLength(3);
  });

  test('comes within five seconds though the server hangs', async () => {
    const { simulator, changes, clock, pass } = await listening(addresses(40));
    simulator.faults.set({ kind: 'hang' });
    const before = clock.now();
    let isStopped = false;
    const stopped = changes.stop().then(() => {
      isStopped = true;
    });
    for (let turn = 0; turn < 100 && !isStopped; turn++) await pass(100);
    await stopped;
    expect(clock.now() - before).toBeLessThanOrEqual(5000);
    simulator.faults.clear();
  });

  test('does not wait for a server that is gone', async () => {
    const { simulator, changes, clock, pass } = await listening(addresses(40));
    simulator.faults.set({ kind: 'refuse-connections' });
    const before = clock.now();
    let isStopped = false;
    const stopped = changes.stop().then(() => {
      isStopped = true;
    });
    for (let turn = 0; turn < 50 && !isStopped; turn++) await pass(50);
    await stopped;
    expect(clock.now() - before).toBeLessThan(2500);
  });
});
