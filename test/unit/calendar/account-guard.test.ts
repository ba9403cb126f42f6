import { describe, expect, test } from 'vitest';
import { AccountGuard } from '../../../component/calendar/account-guard.ts';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { RequestBudget } from '../../../component/calendar/request-budget.ts';
import { HOUR, MINUTE } from '../../../component/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const refuses = async () => {
  throw new CalendarSourceError('unauthorized', 'the password is wrong');
};
const succeeds = async () => undefined;

/** Servers that are asked with one account. */
function setUp(servers: number) {
  const clock = new FakeClock(Date.UTC(2026, 0, 5, 9));
  const account = new AccountGuard();
  const budgets = Array.from(
    { length: servers },
    () => new RequestBudget({ concurrency: 10, random: () => 0.5, account }),
  );
  const [a, b, c] = budgets as [RequestBudget, RequestBudget, RequestBudget];
  const ask = async (budget: RequestBudget, request: () => Promise<unknown>) => {
    await budget.run(clock, request).catch(() => undefined);
  };
  const open = () => budgets.map((budget) => budget.slots(clock.now()));
  return { clock, budgets, a, b, c, ask, open };
}

describe('an account that several servers share', () => {
  test('is tried three times in all when its password is wrong, not three times by each', async () => {
    const { clock, budgets } = setUp(25);
    let logOns = 0;
    const logOn = async () => {
      logOns++;
      await new Promise((resolve) => clock.after(100, () => resolve(undefined)));
      return refuses();
    };
    for (let second = 0; second < 3600; second++) {
      for (const budget of budgets) if (budget.slots(clock.now()) > 0) void budget.run(clock, logOn).catch(() => {});
      await clock.pass(1000);
    }
    expect(logOns).toBe(3);
    expect(budgets.map(({ closedBy }) => closedBy?.kind)).toEqual(budgets.map(() => 'unauthorized'));
  });

  test('is tried by one request at a time until a server has accepted it', async () => {
    const { clock, a, open } = setUp(3);
    let accept = () => {};
    const first = a.run(clock, () => new Promise<void>((resolve) => (accept = resolve)));
    expect(open()).toEqual([0, 0, 0]);
    accept();
    await first;
    expect(open()).toEqual([2, 1, 1]);
  });

  test('is in doubt on all servers when one refuses it, and trusted again when one accepts it', async () => {
    const { clock, a, b, c, ask, open } = setUp(3);
    for (const budget of [a, b, c]) for (let i = 0; i < 3; i++) await ask(budget, succeeds);
    await ask(a, refuses);
    let accept = () => {};
    const inquiry = b.run(clock, () => new Promise<void>((resolve) => (accept = resolve)));
    expect(open()).toEqual([0, 0, 0]);
    accept();
    await inquiry;
    expect(open()).toEqual([0, 5, 1]);
    await ask(c, succeeds);
    expect(open()).toEqual([0, 5, 5]);
  });

  test('is closed for one server alone when the others accept it', async () => {
    const { clock, a, b, ask, open } = setUp(2);
    await ask(b, succeeds);
    for (let i = 0; i < 3; i++) {
      await ask(a, refuses);
      await ask(b, succeeds);
      clock.advance(10 * MINUTE);
    }
    expect(a.closedBy?.kind).toBe('unauthorized');
    expect(b.closedBy).toBeUndefined();
    expect(open()[1]).toBeGreaterThan(1);
  });

  test('has its last attempt on a server that has accepted it before: one that alone refuses can’t close the others', async () => {
    const { clock, a, b, ask, open } = setUp(2);
    await ask(b, succeeds);
    for (let i = 0; i < 2; i++) {
      await ask(a, refuses);
      clock.advance(10 * MINUTE);
    }
    expect(open()).toEqual([0, 1]);
    await ask(b, succeeds);
    expect(open()).toEqual([1, 3]);
    await ask(a, refuses);
    expect([a.closedBy?.kind, b.closedBy]).toEqual(['unauthorized', undefined]);
  });

  test('has its last attempt on the server that refused it when no other asks for an hour', async () => {
    const { clock, a, b, ask, open } = setUp(2);
    await ask(b, succeeds);
    for (let i = 0; i < 2; i++) {
      await ask(a, refuses);
      clock.advance(10 * MINUTE);
    }
    clock.advance(HOUR);
    expect(open()).toEqual([1, 1]);
    await ask(a, refuses);
    expect([a, b].map(({ closedBy }) => closedBy?.kind)).toEqual(['unauthorized', 'unauthorized']);
  });

  test('that was closed is opened for all servers when an operator has checked it', async () => {
    const { clock, a, b, c, ask, open } = setUp(3);
    for (const budget of [a, b, c]) await ask(budget, refuses);
    clock.advance(HOUR);
    expect(open()).toEqual([0, 0, 0]);
    a.reset();
    expect(open()).toEqual([1, 1, 1]);
  });

  test('is not proven by a request that began before the last refusal', async () => {
    const { clock, a, b, c, ask, open } = setUp(3);
    for (const budget of [a, b, c]) await ask(budget, succeeds);
    let accept = () => {};
    const early = b.run(clock, () => new Promise<void>((resolve) => (accept = resolve)));
    await ask(a, refuses);
    accept();
    await early;
    expect(open()).toEqual([0, 1, 1]);
  });

  test('that one server has accepted is tried on others at once: one that hangs holds up nobody', async () => {
    const { clock, a, b, ask, open } = setUp(3);
    await ask(a, succeeds);
    void b.run(clock, () => new Promise(() => {}));
    expect(open()).toEqual([2, 0, 1]);
  });

  test('is closed after three refusals although requests from before them succeed in between', async () => {
    const { clock, a, b, c, ask } = setUp(3);
    for (const budget of [a, b]) await ask(budget, succeeds);
    let accept = () => {};
    const early = b.run(clock, () => new Promise<void>((resolve) => (accept = resolve)));
    await ask(a, refuses);
    await ask(c, refuses);
    accept();
    await early;
    await ask(b, refuses);
    expect([a, b, c].map(({ closedBy }) => closedBy?.kind)).toEqual(['unauthorized', 'unauthorized', 'unauthorized']);
  });
});
