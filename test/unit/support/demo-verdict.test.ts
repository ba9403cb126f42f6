import { expect, test } from 'vitest';
import { MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import type { Step } from '../../demo/expectation.ts';
import type { Heard } from '../../demo/heard.ts';
import { SPEED } from '../../demo/story.ts';
import { differences, faultOf, pair, slowestChange } from '../../demo/verdict.ts';

const NINE = new Date(2026, 0, 9, 9).getTime();

function step(minute: number, what: string): Step {
  const at = NINE + minute * MINUTE;
  return { what, from: at, until: at, because: 'the calendar says so', isChange: true };
}

function heard(minute: number, what: string, delay = 0): Heard {
  return { person: 'Alice', at: NINE + minute * MINUTE + delay * SPEED, what };
}

const steps = [step(0, 'available'), step(1, 'busy'), step(5, 'available'), step(9, 'unavailable')];
const all = [heard(0, 'available'), heard(1, 'busy'), heard(5, 'available'), heard(9, 'unavailable')];

function faults(received: readonly Heard[]): (string | undefined)[] {
  return pair(steps, received).map(faultOf);
}

test('what came as expected has no fault', () => {
  expect(faults(all)).toEqual([undefined, undefined, undefined, undefined]);
});

test('one that is missing is found where it should be, and those after it still count', () => {
  expect(faults(all.filter((_, index) => index !== 1))).toEqual([
    undefined,
    'did not come; expected because the calendar says so',
    undefined,
    undefined,
  ]);
});

test('something else in its place is one fault, not two', () => {
  expect(faults(all.with(1, heard(1, 'away')))).toEqual([
    undefined,
    'something else came; expected because the calendar says so',
    undefined,
    undefined,
  ]);
});

test('one too many is found where it came', () => {
  expect(faults(all.toSpliced(2, 0, heard(3, 'busy')))).toEqual([
    undefined,
    undefined,
    'should not have come',
    undefined,
    undefined,
  ]);
});

test('nothing received is everything missing, and everything received is too much for nothing expected', () => {
  expect(faults([]).every((fault) => fault?.startsWith('did not come'))).toBe(true);
  expect(pair([], all).map(faultOf)).toEqual(all.map(() => 'should not have come'));
});

test('the wrong order is a fault although everything came', () => {
  expect(faults([all[1], all[0], all[2], all[3]] as Heard[])).toContain('should not have come');
});

test('hundreds of surplus stanzas are paired in no time', () => {
  const many = Array.from({ length: 500 }, (_, index) => heard(index, index % 2 === 0 ? 'busy' : 'available'));
  expect(pair(steps, many)).toHaveLength(500);
});

test('too early is a fault at once, too late only after three real seconds', () => {
  const only = (delay: number) => faultOf(pair([step(1, 'busy')], [heard(1, 'busy', delay)])[0] as never);
  expect(only(-1)).toContain('too early');
  expect(only(0)).toBeUndefined();
  expect(only(3 * SECOND)).toBeUndefined();
  expect(only(3 * SECOND + 1)).toContain('too late');
});

test('the slowest change is measured in real milliseconds', () => {
  expect(slowestChange(pair(steps, [heard(0, 'available', 5), heard(1, 'busy', 12)]))).toBe(12);
});

test('the table shows both sides by the clock and explains each fault', () => {
  const text = differences(pair(steps, all.slice(0, 3))).join('\n');
  expect(text).toMatch(/expected +received/);
  expect(text).toMatch(/ {4}09:01 +busy +09:01 {2}busy/);
  expect(text).toMatch(/ {2}! 09:09 +unavailable +-\n +did not come; expected because the calendar says so/);
});
