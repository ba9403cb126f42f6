// The end of the notifications: whenever it comes, no subscription may be left.
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEwsLibrary } from '../../../../adapters/ews/ews-library.ts';
import { addresses } from './followed-simulator.ts';
import { openScripted, streamError } from './scripted-server.ts';

// Loading takes a second, and several on a busy machine.
beforeAll(() => loadEwsLibrary(), 60_000);

const SECOND = 1000;

/** The stop, and the time that it took. */
async function stop({ feed, clock, pass }: Awaited<ReturnType<typeof openScripted>>): Promise<number> {
  const before = clock.now();
  let isStopped = false;
  const stopped = feed.stop().then(() => {
    isStopped = true;
  });
  for (let turn = 0; turn < 120 && !isStopped; turn++) await pass(50);
  await stopped;
  return clock.now() - before;
}

describe('all subscriptions are given back by an end that comes', () => {
  test('during Subscribe', async () => {
    const opened = await openScripted();
    const { server, follow, pass } = opened;
    const answers: (() => void)[] = [];
    server.onSubscribe = () => new Promise((resolve) => answers.push(() => resolve(undefined)));
    follow(addresses(6));
    await pass(3 * SECOND);
    // The anchor's; then two at a time.
    answers.shift()?.();
    await pass(SECOND);
    expect(answers).toHaveLength(2);
    const stopped = stop(opened);
    await pass(SECOND);
    for (const answer of answers) answer();
    expect(await stopped).toBeLessThan(2 * SECOND);
    expect(server.count('Subscribe')).toBe(3);
    expect(server.subscriptions.size).toBe(0);
  });

  test('while a stream that was lost waits to be opened again', async () => {
    const opened = await openScripted();
    const { server, follow, pass } = opened;
    follow(addresses(6));
    await pass(5 * SECOND);
    server.onListen = () => ({ code: 'ErrorInternalServerError' });
    for (const stream of server.streams) stream.end(streamError({ code: 'ErrorReadEventsFailed' }));
    await pass(500);
    expect(server.streams.size).toBe(0);
    expect(server.subscriptions.size).toBe(6);
    expect(await stop(opened)).toBeLessThan(SECOND);
    expect(server.subscriptions.size).toBe(0);
  });

  test('while a stream is being opened', async () => {
    const opened = await openScripted();
    const { server, follow, pass } = opened;
    server.onListen = () => 'silence';
    follow(addresses(6));
    await pass(5 * SECOND);
    expect(await stop(opened)).toBeLessThan(SECOND);
    expect(server.subscriptions.size).toBe(0);
    expect(server.streams.size).toBe(0);
  });

  test('after everyone has left, and before that was made known', async () => {
    const opened = await openScripted();
    const { server, feed, follow, pass } = opened;
    follow(addresses(6));
    await pass(5 * SECOND);
    for (const mailbox of addresses(6)) feed.unfollow(mailbox);
    await pass(SECOND);
    expect(server.subscriptions.size).toBe(6);
    await stop(opened);
    expect(server.subscriptions.size).toBe(0);
  });

  test('while a group gives way because there are too many connections', async () => {
    const opened = await openScripted({ groupOf: (mailbox) => mailbox.slice(0, 8) });
    const { server, budget, clock, follow, pass, said } = opened;
    server.onListen = () => (server.streams.size === 0 ? undefined : { code: 'ErrorExceededConnectionCount' });
    server.onUnsubscribe = () => undefined;
    follow(['user0001@example.com', 'user0010@example.com', 'user0011@example.com']);
    for (let turn = 0; turn < 400 && said('warn').length === 0; turn++) await pass(50);
    expect(server.subscriptions.size).toBe(3);
    expect(budget.slots(clock.now())).toBeGreaterThan(1);
    await stop(opened);
    expect(server.subscriptions.size).toBe(0);
    expect(server.streams.size).toBe(0);
  });
});

describe('an end that comes during a Subscribe that is never answered', () => {
  test('gives the others back, and comes within five seconds', async () => {
    const opened = await openScripted();
    const { server, follow, pass } = opened;
    let made = 0;
    server.onSubscribe = () => (++made > 4 ? new Promise(() => {}) : undefined);
    follow(addresses(10));
    await pass(5 * SECOND);
    expect(server.subscriptions.size).toBe(4);
    expect(await stop(opened)).toBeLessThanOrEqual(5 * SECOND);
    expect(server.subscriptions.size).toBe(0);
  });
});
