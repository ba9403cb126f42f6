import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.ts';

const START = Date.UTC(2026, 0, 5, 9, 0);

describe('the fake clock', () => {
  test('runs due timers in order of their instants, ties in the order in which they were made', () => {
    const clock = new FakeClock(START);
    const ran: string[] = [];
    const note = (name: string) => () => ran.push(`${name}@${clock.now() - START}`);
    clock.after(30, note('c'));
    clock.after(10, note('a'));
    clock.after(30, note('d'));
    clock.after(20, note('b'));
    clock.after(31, note('late'));
    clock.advance(30);
    expect(ran).toEqual(['a@10', 'b@20', 'c@30', 'd@30']);
    expect(clock.now()).toBe(START + 30);
    expect(clock.pending).toBe(1);
    expect(clock.nextIn).toBe(1);
  });

  test('runs timers that timers make, when they are due within the same advance', () => {
    const clock = new FakeClock(START);
    const ran: number[] = [];
    const tick = (): void => {
      ran.push(clock.now() - START);
      clock.after(10, tick);
    };
    clock.after(10, tick);
    clock.advance(35);
    expect(ran).toEqual([10, 20, 30]);
  });

  test('a delay of 0 or less is due at once, but never inside after()', () => {
    const clock = new FakeClock(START);
    let ran = 0;
    clock.after(-5, () => ran++);
    clock.after(0, () => ran++);
    expect(ran).toBe(0);
    clock.advance(0);
    expect(ran).toBe(2);
  });

  test('a cancelled timer never runs, also when a timer of the same instant cancels it', () => {
    const clock = new FakeClock(START);
    let ran = 0;
    const second = { cancel: () => {} };
    clock.after(5, () => second.cancel());
    Object.assign(
      second,
      clock.after(5, () => ran++),
    );
    clock.advance(10);
    second.cancel();
    expect(ran).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('a jump moves the wall clock and no timer', () => {
    const clock = new FakeClock(START);
    let ran = 0;
    clock.after(100, () => ran++);
    clock.jump(-3_600_000);
    expect(clock.now()).toBe(START - 3_600_000);
    clock.advance(99);
    expect(ran).toBe(0);
    clock.advance(1);
    expect(ran).toBe(1);
  });

  test('after a suspension the wall clock is ahead and timers are late by as much', () => {
    const clock = new FakeClock(START);
    let ranAt = 0;
    clock.after(1_000, () => {
      ranAt = clock.now();
    });
    clock.suspend(60_000);
    expect(ranAt).toBe(0);
    clock.advance(1_000);
    expect(ranAt).toBe(START + 61_000);
  });

  test('pass lets promises continue between timers', async () => {
    const clock = new FakeClock(START);
    const wait = (delay: number) => new Promise<void>((resolve) => clock.after(delay, resolve));
    const seen: number[] = [];
    const work = (async () => {
      for (let round = 0; round < 3; round++) {
        await wait(10);
        seen.push(clock.now() - START);
      }
    })();
    await clock.pass(30);
    await work;
    expect(seen).toEqual([10, 20, 30]);
  });

  test('time does not pass backwards', () => {
    const clock = new FakeClock(START);
    expect(() => clock.advance(-1)).toThrow(RangeError);
    expect(() => clock.suspend(-1)).toThrow(RangeError);
    expect(() => clock.after(Number.NaN, () => {})).toThrow(RangeError);
  });
});
