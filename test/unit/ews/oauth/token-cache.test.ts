import { describe, expect, test } from 'vitest';
import type { Token } from '../../../../adapters/ews/oauth/acquire-token.ts';
import { TokenCache } from '../../../../adapters/ews/oauth/token-cache.ts';
import { CalendarSourceError } from '../../../../component/calendar/calendar-source-error.ts';
import { MINUTE, SECOND } from '../../../../component/runtime/clock.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const never = new AbortController().signal;
const reason = new Error('enough');

/** A cache whose acquisitions the test answers itself. */
function makeCache(lifetime = 60 * MINUTE) {
  const clock = new FakeClock(1_000_000);
  const asked: { give(value: string): void; fail(error: Error): void; signal: AbortSignal }[] = [];
  const cache = new TokenCache(
    (signal) =>
      new Promise<Token>((resolve, reject) => {
        const acquiredAt = clock.now();
        const give = (value: string) => resolve({ value, acquiredAt, expiresAt: acquiredAt + lifetime });
        signal.addEventListener('abort', () => reject(signal.reason as Error));
        asked.push({ give, fail: reject, signal });
      }),
    clock,
  );
  const first = async (value: string) => {
    const got = cache.get(never);
    asked.at(-1)?.give(value);
    expect(await got).toBe(value);
  };
  return { cache, clock, asked, first };
}

describe('a token', () => {
  test('is acquired once for all who ask at the same time', async () => {
    const { cache, asked } = makeCache();
    const all = [cache.get(never), cache.get(never), cache.get(never)];
    expect(asked).toHaveLength(1);
    asked[0]?.give('t1');
    expect(await Promise.all(all)).toEqual(['t1', 't1', 't1']);
    expect(await cache.get(never)).toBe('t1');
    expect(asked).toHaveLength(1);
  });

  test('is renewed 5 minutes ahead, while the old one still serves', async () => {
    const { cache, clock, asked, first } = makeCache();
    await first('t1');
    await clock.pass(55 * MINUTE - 1);
    expect(await cache.get(never)).toBe('t1');
    expect(asked).toHaveLength(1);
    await clock.pass(1);
    expect(await cache.get(never)).toBe('t1');
    expect(await cache.get(never)).toBe('t1');
    expect(asked).toHaveLength(2);
    asked[1]?.give('t2');
    await clock.pass(0);
    expect(await cache.get(never)).toBe('t2');
  });

  test('that is short-lived is renewed at half its time', async () => {
    const { cache, clock, asked, first } = makeCache(4 * MINUTE);
    await first('t1');
    await clock.pass(2 * MINUTE - 1);
    await cache.get(never);
    expect(asked).toHaveLength(1);
    await clock.pass(1);
    await cache.get(never);
    expect(asked).toHaveLength(2);
  });

  test('whose renewal fails serves to its end, and renewal is tried every half minute', async () => {
    const { cache, clock, asked, first } = makeCache();
    await first('t1');
    await clock.pass(55 * MINUTE);
    await cache.get(never);
    asked[1]?.fail(reason);
    await clock.pass(30 * SECOND - 1);
    expect(await cache.get(never)).toBe('t1');
    expect(asked).toHaveLength(2);
    await clock.pass(1);
    expect(await cache.get(never)).toBe('t1');
    asked[2]?.fail(reason);
    await clock.pass(5 * MINUTE);
    const got = cache.get(never);
    asked[3]?.fail(reason);
    await expect(got).rejects.toBe(reason);
  });

  test('is not asked for while the authority wants to be left alone, whoever needs one', async () => {
    const { cache, clock, asked, first } = makeCache(6 * MINUTE);
    await first('t1');
    await clock.pass(3 * MINUTE);
    await cache.get(never);
    const retryAfter = 4 * MINUTE;
    asked[1]?.fail(new CalendarSourceError('throttled', 'It is busy', { code: 'HTTP 429', retryAfter }));
    await clock.pass(MINUTE);
    expect(await cache.get(never)).toBe('t1');
    await clock.pass(2 * MINUTE);
    const busy = { kind: 'throttled', message: 'It is busy', code: 'HTTP 429', retryAfter: MINUTE };
    await expect(cache.get(never)).rejects.toMatchObject(busy);
    expect(asked).toHaveLength(2);
    await clock.pass(MINUTE);
    await first('t2');
    expect(asked).toHaveLength(3);
  });

  test('is asked for at once when the clock was set back before the authority wanted to be left alone', async () => {
    const { cache, clock, asked } = makeCache();
    const got = cache.get(never);
    asked[0]?.fail(new CalendarSourceError('throttled', 'It is busy', { retryAfter: MINUTE }));
    await expect(got).rejects.toThrow('It is busy');
    clock.jump(-60 * MINUTE);
    const again = cache.get(never);
    asked[1]?.give('t1');
    expect(await again).toBe('t1');
  });

  test('that has ended is not used', async () => {
    const { cache, clock, asked, first } = makeCache();
    await first('t1');
    await clock.pass(60 * MINUTE);
    const got = cache.get(never);
    asked[1]?.give('t2');
    expect(await got).toBe('t2');
  });

  test('from before the clock was set back is not used', async () => {
    const { cache, clock, asked, first } = makeCache();
    await first('t1');
    clock.jump(-1);
    const got = cache.get(never);
    asked[1]?.give('t2');
    expect(await got).toBe('t2');
  });

  test('that was refused is dropped, a newer one is not', async () => {
    const { cache, asked, first } = makeCache();
    await first('t1');
    cache.drop('t1');
    const got = cache.get(never);
    asked[1]?.give('t2');
    expect(await got).toBe('t2');
    cache.drop('t1');
    expect(await cache.get(never)).toBe('t2');
    expect(asked).toHaveLength(2);
  });

  test('is acquired anew after a failure', async () => {
    const { cache, asked, first } = makeCache();
    const got = cache.get(never);
    asked[0]?.fail(reason);
    await expect(got).rejects.toBe(reason);
    await first('t2');
    expect(asked).toHaveLength(2);
  });

  test('is acquired on for the others when one gives up', async () => {
    const { cache, asked } = makeCache();
    const abort = new AbortController();
    const impatient = cache.get(abort.signal);
    const patient = cache.get(never);
    abort.abort(reason);
    await expect(impatient).rejects.toBe(reason);
    asked[0]?.give('t1');
    expect(await patient).toBe('t1');
    await expect(cache.get(AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  test('is given up when the last user leaves, and can be had again', async () => {
    const { cache, asked, first } = makeCache();
    const [leave, leaveToo] = [cache.enter(), cache.enter()];
    const got = cache.get(never);
    leave(reason);
    leave(reason);
    expect(asked[0]?.signal.aborted).toBe(false);
    leaveToo(reason);
    await expect(got).rejects.toBe(reason);
    cache.enter();
    await first('t1');
  });
});
