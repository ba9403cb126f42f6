import { describe, expect, test } from 'vitest';
import { AccountGuard } from '../../../component/calendar/account-guard.ts';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { RequestBudget } from '../../../component/calendar/request-budget.ts';
import { RequestBudgets } from '../../../component/calendar/request-budgets.ts';
import { HOUR } from '../../../component/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const START = Date.UTC(2026, 0, 5, 9);
const fails = (kind: CalendarSourceError['kind'], retryAfter?: number) => async () => {
  throw new CalendarSourceError(kind, 'no', retryAfter === undefined ? {} : { retryAfter });
};
const succeeds = async () => 'yes';

function setUp(concurrency = 10) {
  const clock = new FakeClock(START);
  return { clock, budget: new RequestBudget({ concurrency, random: () => 0.5 }) };
}

describe('a request budget', () => {
  test('lets one request run until the account has been accepted: ten at once would be ten wrong passwords', async () => {
    const { clock, budget } = setUp(10);
    expect(budget.slots(clock.now())).toBe(1);
    await budget.run(clock, succeeds);
    expect(budget.slots(clock.now())).toBe(2);
    budget.reset();
    expect(budget.slots(clock.now())).toBe(1);
  });

  test('lets as many requests run at once as the server may take, and refuses more without asking', async () => {
    const { clock, budget } = setUp(2);
    await budget.run(clock, succeeds);
    const finish: (() => void)[] = [];
    const held = () => budget.run(clock, () => new Promise<void>((resolve) => finish.push(resolve)));
    const both = [held(), held()];
    expect(budget.slots(clock.now())).toBe(0);
    let asked = false;
    await expect(
      budget.run(clock, async () => {
        asked = true;
      }),
    ).rejects.toMatchObject({ kind: 'throttled' });
    expect(asked).toBe(false);
    for (const done of finish) done();
    await Promise.all(both);
    expect(budget.slots(clock.now())).toBe(2);
  });

  test('closes after three refusals by a proxy, and the other servers of the account are none the worse', async () => {
    const clock = new FakeClock(START);
    const account = new AccountGuard();
    const [behind, other] = [0, 1].map(() => new RequestBudget({ concurrency: 10, random: () => 0.5, account }));
    for (let i = 0; i < 3; i++) {
      expect(behind?.closedBy).toBeUndefined();
      await behind?.run(clock, fails('proxy-unauthorized')).catch(() => undefined);
      clock.advance(HOUR);
    }
    expect(behind?.closedBy).toMatchObject({ kind: 'proxy-unauthorized' });
    expect(behind?.slots(clock.now())).toBe(0);
    expect(await other?.run(clock, succeeds)).toBe('yes');
    behind?.reset();
    expect(behind?.slots(clock.now())).toBe(1);
  });

  test('of servers behind one proxy: three refusals of the account there, by whichever, close it for all', async () => {
    const clock = new FakeClock(START);
    const proxyAccount = new AccountGuard();
    const names = ['a', 'b', 'c', 'd'];
    const behind = names.map((name) => new RequestBudget({ name, concurrency: 10, random: () => 0.5, proxyAccount }));
    const [a, b, c] = behind as [RequestBudget, RequestBudget, RequestBudget];
    const beside = new RequestBudget({ concurrency: 10, random: () => 0.5 });
    for (const budget of behind) await budget.run(clock, succeeds);
    for (const budget of [a, b, c]) {
      expect(behind.map(({ closedBy }) => closedBy)).toEqual([undefined, undefined, undefined, undefined]);
      await budget.run(clock, fails('proxy-unauthorized')).catch(() => undefined);
      clock.advance(HOUR);
    }
    expect(behind.map((budget) => [budget.closedBy?.kind, budget.refusedAt, budget.slots(clock.now())])).toEqual(
      names.map(() => ['proxy-unauthorized', 'c', 0]),
    );
    expect(beside.closedBy).toBeUndefined();
    a.reset();
    expect(behind.map((budget) => budget.slots(clock.now()))).toEqual([1, 1, 1, 1]);
  });

  test('takes what a server says for proof that the proxy accepts its account, and silence for none', async () => {
    for (const [kind, closes] of [
      ['unauthorized', false],
      ['throttled', false],
      ['unreachable', true],
    ] as const) {
      const clock = new FakeClock(START);
      const budget = new RequestBudget({ concurrency: 10, random: () => 0.5 });
      for (let i = 0; i < 3; i++) {
        await budget.run(clock, fails('proxy-unauthorized')).catch(() => undefined);
        clock.advance(HOUR);
        if (i < 2) await budget.run(clock, fails(i === 0 ? kind : 'unreachable')).catch(() => undefined);
        clock.advance(HOUR);
      }
      expect([kind, budget.closedBy?.kind]).toEqual([kind, closes ? 'proxy-unauthorized' : undefined]);
    }
  });

  test('leaves it open whether a server that has none of the mailboxes is in trouble', async () => {
    const { clock, budget } = setUp();
    await budget.run(clock, succeeds);
    const errors = await Promise.all(
      [0, 1].map(() => budget.run(clock, fails('wrong-server')).catch((error) => error)),
    );
    expect([budget.notBefore, budget.slots(clock.now())]).toEqual([0, 2]);
    // They were in flight together, and count once.
    for (const error of errors) budget.failed(error, clock.now());
    expect(budget.notBefore - clock.now()).toBe(5_000);
  });

  test('that is shared has the least concurrency that any of those wants, also when that becomes known late', async () => {
    const { clock } = setUp();
    const budgets = new RequestBudgets();
    const options = (concurrency: number) => ({ concurrency, random: () => 0.5 });
    const budget = budgets.of('one', options(8));
    for (let i = 0; i < 10; i++) await budget.run(clock, succeeds);
    expect(budget.limit).toBe(8);
    expect(budgets.of('one', options(3))).toBe(budget);
    expect([budget.limit, budget.slots(clock.now())]).toEqual([3, 3]);
    budgets.of('one', options(27));
    await budget.run(clock, succeeds);
    expect(budget.limit).toBe(3);
    expect(budgets.of('another', options(5))).not.toBe(budget);
  });

  test('pauses everything after a failure, longer each time, and lets one request find out', async () => {
    const { clock, budget } = setUp();
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) {
      await budget.run(clock, fails('unreachable')).catch(() => undefined);
      pauses.push(budget.notBefore - clock.now());
      expect(budget.slots(clock.now())).toBe(0);
      clock.advance(budget.notBefore - clock.now());
      expect(budget.slots(clock.now())).toBe(1);
    }
    expect(pauses).toEqual([5, 10, 20, 40, 80, 160, 300, 300].map((seconds) => seconds * 1000));
    await budget.run(clock, succeeds);
    expect(budget.slots(clock.now())).toBe(2);
  });

  test('obeys a server that wants a longer pause', async () => {
    const { clock, budget } = setUp();
    await budget.run(clock, fails('throttled', 297_000)).catch(() => undefined);
    expect(budget.notBefore - clock.now()).toBe(297_000);
  });

  test('stops for good after three refused passwords, and starts again when told that it was mended', async () => {
    const { clock, budget } = setUp();
    for (let i = 0; i < 3; i++) {
      expect(budget.closedBy).toBeUndefined();
      await budget.run(clock, fails('unauthorized')).catch(() => undefined);
      clock.advance(600_000);
    }
    expect(budget.slots(clock.now())).toBe(0);
    await expect(budget.run(clock, succeeds)).rejects.toMatchObject({ kind: 'unauthorized' });
    budget.reset();
    expect(await budget.run(clock, succeeds)).toBe('yes');
  });

  test('a password that is accepted in between is no reason to stop', async () => {
    const { clock, budget } = setUp();
    for (let i = 0; i < 6; i++) {
      await budget.run(clock, fails('unauthorized')).catch(() => undefined);
      clock.advance(600_000);
      await budget.run(clock, succeeds);
    }
    expect(budget.closedBy).toBeUndefined();
  });

  test('stops at once when the server is blocked', async () => {
    const { clock, budget } = setUp();
    await budget.run(clock, fails('blocked')).catch(() => undefined);
    expect(budget.closedBy?.kind).toBe('blocked');
  });

  test('a request that was under way when the server was closed does not open it again', async () => {
    const { clock, budget } = setUp();
    await budget.run(clock, succeeds);
    let finish = () => {};
    const slow = budget.run(clock, () => new Promise<void>((resolve) => (finish = resolve)));
    await budget.run(clock, fails('blocked')).catch(() => undefined);
    finish();
    await slow;
    expect(budget.closedBy?.kind).toBe('blocked');
  });

  test('a request that was under way before the trouble does not end the pause', async () => {
    const { clock, budget } = setUp();
    await budget.run(clock, succeeds);
    let finish = () => {};
    const slow = budget.run(clock, () => new Promise<void>((resolve) => (finish = resolve)));
    await budget.run(clock, fails('throttled', 300_000)).catch(() => undefined);
    finish();
    await slow;
    expect(budget.slots(clock.now())).toBe(0);
  });

  test('a clock that is set back makes no pause longer than the longest', async () => {
    const { clock, budget } = setUp();
    await budget.run(clock, fails('unreachable')).catch(() => undefined);
    clock.jump(-24 * 3_600_000);
    budget.clockJumped(clock.now());
    expect(budget.notBefore - clock.now()).toBeLessThanOrEqual(300_000);
  });

  test('lets twice as many run after each round trip, until the server throttles: then one more after each', async () => {
    const { clock, budget } = setUp(10);
    /** As many at once as may be, all with the same outcome. */
    const round = async (request: () => Promise<unknown>): Promise<number> => {
      const slots = budget.slots(clock.now());
      await Promise.all(Array.from({ length: slots }, () => budget.run(clock, request).catch(() => undefined)));
      return slots;
    };
    expect([await round(succeeds), await round(succeeds), await round(succeeds)]).toEqual([1, 2, 4]);
    expect([await round(succeeds), budget.limit]).toEqual([8, 10]);
    // Ten failures of requests that were in flight together are one, and so is their pause.
    expect(await round(fails('throttled'))).toBe(10);
    expect(budget.limit).toBe(5);
    expect(budget.notBefore - clock.now()).toBe(5000);
    clock.advance(5000);
    // One finds out, and then there are as many again as the server may take.
    expect([await round(succeeds), await round(succeeds)]).toEqual([1, 5]);
    expect(budget.limit).toBe(6);
  });

  test('falls to one request at once, never below, when the server goes on throttling', async () => {
    const { clock, budget } = setUp(4);
    for (let i = 0; i < 4; i++) await budget.run(clock, succeeds);
    for (let i = 0; i < 5; i++) {
      await budget.run(clock, fails('throttled')).catch(() => undefined);
      clock.advance(600_000);
    }
    expect(budget.limit).toBe(1);
    await budget.run(clock, succeeds);
    expect(budget.slots(clock.now())).toBe(2);
  });

  test('pauses for a server that can’t be reached, and then has as many requests as before', async () => {
    const { clock, budget } = setUp(4);
    for (let i = 0; i < 4; i++) await budget.run(clock, succeeds);
    await budget.run(clock, fails('unreachable')).catch(() => undefined);
    clock.advance(6000);
    await budget.run(clock, succeeds);
    expect(budget.slots(clock.now())).toBe(4);
  });

  test('takes a password that is refused soon after it was accepted for throttling, within the three attempts', async () => {
    const { clock, budget } = setUp(4);
    for (let i = 0; i < 4; i++) await budget.run(clock, succeeds);
    clock.advance(14 * 60_000);
    // A volley counts once.
    const volley = [0, 1, 2, 3].map(() => budget.run(clock, fails('unauthorized')).catch(() => undefined));
    await Promise.all(volley);
    expect(budget.closedBy).toBeUndefined();
    expect(budget.refusalMayBeThrottling).toBe(true);
    expect(budget.limit).toBe(2);
    expect(budget.notBefore - clock.now()).toBeGreaterThanOrEqual(60_000);
    clock.advance(60_000);
    await budget.run(clock, succeeds);
    expect(budget.refusalMayBeThrottling).toBe(false);
    clock.advance(20 * 60_000);
    for (let i = 0; i < 3; i++) {
      expect(budget.closedBy).toBeUndefined();
      await budget.run(clock, fails('unauthorized')).catch(() => undefined);
      expect(budget.refusalMayBeThrottling).toBe(false);
      clock.advance(600_000);
    }
    expect(budget.closedBy?.kind).toBe('unauthorized');
  });

  test('tells who waits for it that there is room', async () => {
    const { clock, budget } = setUp();
    const rooms: number[] = [];
    const leave = budget.onRoom(() => rooms.push(budget.slots(clock.now())));
    await budget.run(clock, succeeds);
    expect(rooms.at(-1)).toBe(2);
    leave();
    rooms.length = 0;
    await budget.run(clock, succeeds);
    expect(rooms).toEqual([]);
  });
});
