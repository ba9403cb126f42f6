// A server that is busy, or allows fewer connections, while streams are open: what is slowed down, and what is left alone.
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEwsLibrary } from '../../../../adapters/ews/ews-library.ts';
import { kindOfResponseCode } from '../../../../adapters/ews/response-code.ts';
import { addresses, listening, openFollowed } from './followed-simulator.ts';
import { openScripted, type Refusal, streamError } from './scripted-server.ts';

// Loading takes a second, and several on a busy machine.
beforeAll(() => loadEwsLibrary(), 60_000);

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Mailboxes of so many servers, three of each, and what tells them apart. */
function sites(count: number): { readonly all: string[]; readonly groupOf: (mailbox: string) => string } {
  const all = Array.from({ length: 3 * count }, (_, i) => `user${i}@site${i % count}.example`);
  return { all, groupOf: (mailbox) => mailbox.slice(mailbox.indexOf('@')) };
}

describe('a server that says on an open stream that it is busy', () => {
  test.each<[string, number | undefined, number]>([
    ['ErrorServerBusy', 70_000, 70_000],
    ['ErrorServerBusy', undefined, 4000],
    ['ErrorInsufficientResources', undefined, 4000],
    ['ErrorInternalServerTransientError', 40_000, 40_000],
    ['ErrorExceededConnectionCount', 40_000, 40_000],
  ])('(%s, back-off %s) is asked for nothing meanwhile, not for free/busy either', async (code, backOff, least) => {
    const { server, clock, budget, follow, pass, takeNamed } = await openScripted();
    follow(addresses(3));
    await pass(5 * SECOND);
    expect(server.heard()).toHaveLength(3);
    takeNamed();
    await pass(5 * MINUTE);
    expect(budget.slots(clock.now())).toBe(8);
    const [stream] = server.streams;
    stream?.end(streamError({ code, ...(backOff !== undefined && { backOff }), ids: [...(stream?.ids ?? [])] }));
    expect(budget.notBefore).toBe(0);
    await pass(50);
    expect(budget.notBefore - clock.now()).toBeGreaterThan(least - 100);
    expect(budget.slots(clock.now())).toBe(0);
    expect(budget.limit).toBe(kindOfResponseCode(code) === 'throttled' ? 4 : 8);
    const asked = server.asked.length;
    await pass(least - 200);
    expect(server.asked.length).toBe(asked);
    await pass(MINUTE);
    // Free/busy finds out for all; here nobody asks for it.
    await budget.run(clock, async () => {});
    await pass(10 * SECOND);
    // The subscriptions are as good as before, whatever it named.
    expect(server.count('Subscribe')).toBe(3);
    expect(server.heard()).toHaveLength(3);
    expect(takeNamed()).toHaveLength(3);
  });

  test('on all of them at once is in trouble once', async () => {
    const { all, groupOf } = sites(4);
    const { server, clock, budget, follow, pass } = await openScripted({ groupOf });
    follow(all);
    await pass(10 * SECOND);
    expect(server.streams.size).toBe(4);
    for (const stream of server.streams) stream.end(streamError({ code: 'ErrorServerBusy' }));
    await pass(50);
    expect(budget.limit).toBe(4);
    expect(budget.notBefore - clock.now()).toBeLessThan(6 * SECOND);
  });

  test('is not taken for well again because a stream hangs while it opens', async () => {
    const { server, clock, budget, follow, pass } = await openScripted();
    follow(addresses(2));
    await pass(5 * SECOND);
    server.onListen = () => 'silence';
    for (const stream of server.streams) stream.end(streamError({ code: 'ErrorServerBusy' }));
    await pass(20 * SECOND);
    expect(server.count('GetStreamingEvents')).toBe(2);
    // One request finds out for all.
    expect(budget.slots(clock.now())).toBe(1);
  });
});

describe('a refused password', () => {
  test('counts as one though it comes late: after three the account is left alone', async () => {
    const { server, clock, budget, follow, pass } = await openScripted();
    follow(addresses(2));
    await pass(5 * SECOND);
    server.onListen = () => 'late 401';
    for (const stream of server.streams) stream.end(streamError({ code: 'ErrorReadEventsFailed' }));
    for (let attempt = 0; attempt < 6; attempt++) {
      await pass(MINUTE);
      expect(budget.isAccountDoubtful).toBe(true);
      budget.clockJumped(clock.now());
      await pass(5 * MINUTE);
    }
    // The other attempts belong to free/busy.
    expect(server.count('GetStreamingEvents')).toBe(2);
  });
});

describe('Unsubscribe at a busy server', () => {
  test('slows everything down, and is tried again', async () => {
    const { server, clock, budget, feed, follow, pass } = await openScripted();
    follow(addresses(3));
    await pass(5 * SECOND);
    const refusals: Refusal[] = [{ code: 'ErrorServerBusy', backOff: 40_000 }];
    server.onUnsubscribe = () => refusals.pop();
    feed.unfollow('user0000@example.com');
    await pass(21 * SECOND);
    expect(server.count('Unsubscribe')).toBe(1);
    expect(budget.notBefore - clock.now()).toBeGreaterThan(35 * SECOND);
    await pass(MINUTE);
    expect(server.idsOf('user0000@example.com')).toEqual([]);
    expect(server.heard()).toEqual(addresses(3).slice(1));
  });

  test('does not keep the others from listening', async () => {
    const { server, feed, follow, pass } = await openScripted();
    follow(addresses(3));
    await pass(5 * SECOND);
    server.onUnsubscribe = () => ({ code: 'ErrorServerBusy' });
    feed.unfollow('user0000@example.com');
    await pass(3 * MINUTE);
    expect(server.count('Unsubscribe')).toBe(3);
    expect(server.heard()).toEqual(addresses(3).slice(1));
  });
});

describe('a mailbox in whose name no more connections may be opened', () => {
  test('is spared: another of the group takes its place, and the subscriptions stay', async () => {
    const simulator = { hangingConnections: 1 };
    const other = await listening(['user0000@example.com', 'user0001@example.com'], { simulator });
    const followed = await openFollowed({ source: { url: other.simulator.url, clock: other.clock } });
    for (const mailbox of addresses(5)) other.simulator.calendars.addMailbox(mailbox);
    followed.start();
    followed.add(...addresses(5));
    await other.until(() => other.simulator.notifications.streams.flat().length === 7);
    const opened = other.simulator.requests.filter(({ operation }) => operation === 'GetStreamingEvents');
    expect(opened.map(({ impersonated }) => impersonated)).toEqual([
      ...['user0000@example.com', 'user0000@example.com', 'user0001@example.com'],
    ]);
    expect(other.count('Subscribe')).toBe(2 + 5);
    expect(followed.said('warn')).toEqual([]);
  });
});

describe('a server that allows fewer connections than there are groups', () => {
  test('keeps those that are open; the other mailboxes do without, and more are tried half an hour later', async () => {
    const { all, groupOf } = sites(5);
    const { server, budget, clock, logger, follow, pass, said, takeNamed } = await openScripted({ groupOf });
    let allowed = 3;
    server.onListen = () =>
      server.streams.size < allowed ? undefined : { code: 'ErrorExceededConnectionCount', backOff: 0 };
    follow(all);
    await pass(30 * SECOND);
    const open = [...server.streams];
    expect(open).toHaveLength(3);
    expect(takeNamed()).toHaveLength(9);
    expect(server.subscriptions.size).toBe(9);
    expect(said('warn')).toEqual([
      'Exchange allows fewer connections for change notifications than are needed for all mailboxes',
    ]);
    expect(logger.entries.find(({ level }) => level === 'warn')?.fields).toMatchObject({ without: 3 });
    // It is no trouble of the whole server.
    expect(budget.slots(clock.now())).toBe(8);
    const asked = server.asked.length;
    await pass(25 * MINUTE);
    expect([...server.streams].every((stream) => open.includes(stream))).toBe(true);
    expect(server.asked.length).toBe(asked);
    expect(takeNamed()).toEqual([]);

    allowed = 10;
    await pass(40 * MINUTE);
    expect(server.streams.size).toBe(5);
    expect(said('warn')).toHaveLength(1);
  });

  test('and has no group to lose goes on being asked, at growing intervals', async () => {
    const { server, follow, pass, said } = await openScripted();
    server.onListen = () => ({ code: 'ErrorExceededConnectionCount', backOff: 0 });
    follow(addresses(3));
    await pass(30 * MINUTE);
    expect(server.count('GetStreamingEvents')).toBeLessThan(16);
    expect(server.count('Subscribe')).toBe(3);
    expect(said('warn')).toHaveLength(1);
    server.onListen = () => undefined;
    await pass(8 * MINUTE);
    expect(server.heard()).toHaveLength(3);
    expect(said('info')).toHaveLength(1);
  });
});
