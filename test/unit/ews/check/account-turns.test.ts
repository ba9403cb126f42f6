import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { ACCOUNT_SPARED, AccountTurns } from '../../../../adapters/ews/check/account-turns.ts';
import { AccountGuard } from '../../../../component/calendar/account-guard.ts';
import { CalendarSourceError } from '../../../../component/calendar/calendar-source-error.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const { signal } = new AbortController();
setMaxListeners(0, signal);
const refusal = () => Promise.reject(new CalendarSourceError('unauthorized', 'no'));

function turns(count: number): readonly AccountTurns[] {
  const [guard, clock] = [new AccountGuard(), new FakeClock(1_000_000)];
  return Array.from({ length: count }, () => new AccountTurns(guard, clock));
}

describe('an account that servers share', () => {
  test('is tried three times when it is refused, one time after the other, however many servers there are', async () => {
    let [tried, underWay, most] = [0, 0, 0];
    const request = async () => {
      tried++;
      most = Math.max(most, ++underWay);
      await new Promise(setImmediate);
      underWay--;
      return refusal();
    };
    const results = await Promise.allSettled(turns(25).map((turn) => turn.run(signal, request)));
    expect([tried, most]).toEqual([3, 1]);
    const reasons = results.map((result) => (result as PromiseRejectedResult).reason as CalendarSourceError);
    expect(reasons.filter(({ code }) => code === ACCOUNT_SPARED)).toHaveLength(22);
  });

  test('is used by all at once when a server has accepted it', async () => {
    const [first, ...others] = turns(5);
    await first?.run(signal, async () => {});
    let underWay = 0;
    const all = others.map((turn) =>
      turn.run(signal, async () => {
        underWay++;
        await expect.poll(() => underWay, { timeout: 1_000 }).toBe(4);
      }),
    );
    await Promise.all(all);
  });

  test('is free for the next when a server gave no answer, and trusted when Exchange itself has answered', async () => {
    const [first, second, third] = turns(3) as [AccountTurns, AccountTurns, AccountTurns];
    const silent = first.run(signal, () => Promise.reject(new CalendarSourceError('unreachable', 'silence')));
    const busy = second.run(signal, () =>
      Promise.reject(new CalendarSourceError('throttled', 'busy', { code: 'ErrorServerBusy' })),
    );
    await expect(silent).rejects.toThrow('silence');
    await expect(busy).rejects.toThrow('busy');
    // Let in by the second: two may ask at once.
    await Promise.all([first, third].map((turn) => turn.run(signal, () => new Promise<void>(setImmediate))));
    let isWaiting = true;
    const long = first.run(signal, () => new Promise<void>((resolve) => setTimeout(resolve, 20)));
    await third.run(signal, async () => {
      isWaiting = false;
    });
    expect(isWaiting).toBe(false);
    await long;
  });

  test('is not waited for any more by who gives up', async () => {
    const [first, second] = turns(2) as [AccountTurns, AccountTurns];
    let end = () => {};
    const long = first.run(signal, () => new Promise<void>((resolve) => (end = resolve)));
    const abort = new AbortController();
    const waiting = second.run(abort.signal, async () => 'asked');
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    end();
    await long;
  });
});
