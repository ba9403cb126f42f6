import { describe, expect, test } from 'vitest';
import { SpareSlots } from '../../../adapters/ews/spare-slots.ts';
import {
  CalendarSourceError,
  type CalendarSourceErrorKind,
} from '../../../component/calendar/calendar-source-error.ts';
import { RequestBudget } from '../../../component/calendar/request-budget.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const idle = new AbortController().signal;

async function open(concurrency: number, most: number) {
  const clock = new FakeClock(0);
  const budget = new RequestBudget({ concurrency, random: () => 0.5 });
  // The server has shown that it bears as much.
  for (let i = 0; i < concurrency; i++) await budget.run(clock, async () => {});
  const slots = new SpareSlots({ budget, clock, most });
  const ends: (() => void)[] = [];
  const request = (): Promise<void> => new Promise((resolve) => ends.push(resolve));
  return { clock, budget, slots, ends, request };
}

describe('requests that are less urgent', () => {
  test('leave one slot to the urgent ones, and are as many as they may be', async () => {
    const { budget, clock, slots, ends, request } = await open(4, 10);
    for (let i = 0; i < 6; i++) void slots.run(idle, request);
    expect(ends).toHaveLength(3);
    expect(budget.slots(clock.now())).toBe(1);
    ends[0]?.();
    await clock.pass(0);
    expect(ends).toHaveLength(4);

    const few = await open(10, 2);
    for (let i = 0; i < 6; i++) void few.slots.run(idle, few.request);
    expect(few.ends).toHaveLength(2);
  });

  test('take the only slot one after the other, each time after a moment in which urgent ones may take it', async () => {
    const { slots, budget, ends, request, clock } = await open(1, 3);
    for (let i = 0; i < 3; i++) void slots.run(idle, request);
    for (let i = 0; i < 2; i++) {
      expect(ends).toHaveLength(i + 1);
      // Those who ask for free/busy gather for a while first.
      const free: number[] = [];
      const leave = budget.onRoom(() => clock.after(25, () => free.push(budget.slots(clock.now()))));
      ends[i]?.();
      await clock.pass(40);
      leave();
      expect(free).toContain(1);
      await clock.pass(60);
    }
    expect(ends).toHaveLength(3);
  });

  test('take the only slot though the clock was set back', async () => {
    const { slots, ends, request, clock } = await open(1, 3);
    clock.jump(7_200_000);
    for (let i = 0; i < 2; i++) void slots.run(idle, request);
    ends[0]?.();
    await clock.pass(0);
    clock.jump(-3_600_000);
    await clock.pass(100);
    expect(ends).toHaveLength(2);
  });

  test('wait while urgent ones take all, and go on when these are done', async () => {
    const { slots, budget, ends, request, clock } = await open(1, 3);
    let endUrgent = (): void => {};
    void budget.run(clock, () => new Promise<void>((resolve) => (endUrgent = resolve)));
    void slots.run(idle, request);
    await clock.pass(10_000);
    expect(ends).toHaveLength(0);
    endUrgent();
    await clock.pass(0);
    expect(ends).toHaveLength(1);
  });

  test('wait for the end of a pause and let urgent ones begin, and leave no timer behind', async () => {
    const { slots, budget, ends, request, clock } = await open(2, 3);
    const busy = () => Promise.reject(new CalendarSourceError('throttled', 'Busy', { retryAfter: 60_000 }));
    await expect(slots.run(idle, busy)).rejects.toMatchObject({ kind: 'throttled' });
    expect(budget.notBefore).toBe(60_000);
    const later = slots.run(idle, request);
    await clock.pass(60_999);
    expect(ends).toHaveLength(0);
    await clock.pass(1);
    ends[0]?.();
    await later;
    expect(clock.pending).toBe(0);
  });

  test('leave the attempts of a doubtful account to the urgent ones', async () => {
    const { slots, budget, ends, request, clock } = await open(2, 3);
    const refused = () => Promise.reject(new CalendarSourceError('unauthorized', 'HTTP 401'));
    await expect(slots.run(idle, refused)).rejects.toMatchObject({ kind: 'unauthorized' });
    void slots.run(idle, request);
    await clock.pass(3_600_000);
    expect(ends).toHaveLength(0);
    await budget.run(clock, async () => {});
    expect(ends).toHaveLength(1);
  });

  test('can be given up while they wait', async () => {
    const { slots, clock, request } = await open(1, 1);
    void slots.run(idle, request);
    const abort = new AbortController();
    const second = slots.run(abort.signal, request);
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(second).rejects.toBe(reason);
    await expect(slots.run(abort.signal, request)).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
  });

  test('that fail with a back-off concern everybody, whatever the failure', async () => {
    const { slots, budget } = await open(2, 2);
    const options = { code: 'ErrorMailboxStoreUnavailable', retryAfter: 60_000 };
    const error = new CalendarSourceError('unreachable', 'No', options);
    await expect(slots.run(idle, () => Promise.reject(error))).rejects.toBe(error);
    expect(budget.notBefore).toBe(60_000);
  });

  test.each<[CalendarSourceErrorKind, string | undefined, boolean]>([
    ['throttled', undefined, true],
    ['unauthorized', undefined, true],
    ['unreachable', 'ECONNREFUSED', true],
    ['unreachable', 'ErrorMailboxStoreUnavailable', false],
    ['access-denied', 'ErrorImpersonateUserDenied', false],
    ['mailbox-not-found', 'ErrorNonExistentMailbox', false],
    ['malformed', undefined, false],
    ['wrong-server', undefined, false],
  ])('that fail as %s (%s) concern everybody: %s', async (kind, code, concerns) => {
    const { slots, budget, clock } = await open(2, 2);
    const error = new CalendarSourceError(kind, 'No', code === undefined ? {} : { code });
    await expect(slots.run(idle, () => Promise.reject(error))).rejects.toBe(error);
    expect(budget.notBefore > clock.now()).toBe(concerns);
  });
});
