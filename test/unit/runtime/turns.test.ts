import { expect, test } from 'vitest';
import { Turns } from '../../../component/runtime/turns.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function setUp() {
  const clock = new FakeClock(0);
  const seen: number[] = [];
  const turns = new Turns<number>(clock, 3, (item) => seen.push(item));
  return { clock, seen, turns };
}

test('visits each in order, some in each turn, the first ones at once, and says when it is done', () => {
  const { clock, seen, turns } = setUp();
  let done = 0;
  turns.begin([1, 2, 3, 4, 5, 6, 7], () => done++);
  expect([seen.length, turns.isUnderWay, done]).toEqual([3, true, 0]);
  clock.advance(10);
  expect([seen, turns.isUnderWay, done]).toEqual([[1, 2, 3, 4, 5, 6, 7], false, 1]);
  expect(clock.pending).toBe(0);
});

test('what is added meanwhile is visited, too, and what is gone is not', () => {
  const { clock, seen, turns } = setUp();
  const items = new Set([1, 2, 3, 4, 5]);
  turns.begin(items);
  items.delete(4);
  items.add(6);
  clock.advance(10);
  expect(seen).toEqual([1, 2, 3, 5, 6]);
});

test('a new beginning ends what was under way, and so does a stop', () => {
  const { clock, seen, turns } = setUp();
  let first = 0;
  turns.begin([1, 2, 3, 4], () => first++);
  turns.begin([5, 6, 7, 8]);
  clock.advance(10);
  expect([seen, first]).toEqual([[1, 2, 3, 5, 6, 7, 8], 0]);
  turns.begin([1, 2, 3, 4]);
  turns.stop();
  clock.advance(10);
  expect([seen.length, turns.isUnderWay, clock.pending]).toEqual([10, false, 0]);
});
