import { describe, expect, test } from 'vitest';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { RequestBudget } from '../../../component/calendar/request-budget.ts';
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
    expect(budget.slots(clock.now())).toBe(10);
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
    expect(budget.slots(clock.now())).toBe(10);
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
});
