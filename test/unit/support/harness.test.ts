import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatSummary,
  formatTable,
  median,
  percentile,
  readable,
  runRounds,
  spread,
  summarizeRounds,
} from '../../bench/harness.ts';

const numbers = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }), { minLength: 1 });

describe('the statistics of few values', () => {
  test('the median is the middle value, or the mean of the two in the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
    expect(median([])).toBeNaN();
  });

  test('a percentile is the nearest rank: a value that was measured', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(percentile(hundred, 50)).toBe(50);
    expect(percentile(hundred, 99)).toBe(99);
    expect(percentile(hundred, 100)).toBe(100);
    expect(percentile(hundred, 0)).toBe(1);
    expect(percentile([5, 1], 99)).toBe(5);
    expect(percentile([], 50)).toBeNaN();
    expect(() => percentile([1], 101)).toThrow(RangeError);
  });

  test('percentiles grow with the percentage and stay between the smallest and the largest value', () => {
    fc.assert(
      fc.property(numbers, fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 100 }), (values, a, b) => {
        const [low, high] = [percentile(values, Math.min(a, b)), percentile(values, Math.max(a, b))];
        expect(low).toBeLessThanOrEqual(high);
        expect(low).toBeGreaterThanOrEqual(Math.min(...values));
        expect(high).toBeLessThanOrEqual(Math.max(...values));
      }),
    );
  });

  test('half of the values lie on each side of the median', () => {
    fc.assert(
      fc.property(numbers, (values) => {
        const middle = median(values);
        expect(values.filter((value) => value < middle).length).toBeLessThanOrEqual(values.length / 2);
        expect(values.filter((value) => value > middle).length).toBeLessThanOrEqual(values.length / 2);
      }),
    );
  });

  test('the values that are handed in keep their order', () => {
    const values = [3, 1, 2];
    median(values);
    percentile(values, 50);
    spread(values);
    expect(values).toEqual([3, 1, 2]);
  });

  test('spread is the distance from the smallest to the largest', () => {
    expect(spread([4, -1, 2])).toBe(5);
    expect(spread([4])).toBe(0);
  });

  test('each quantity is summarized over the rounds', () => {
    expect(
      summarizeRounds([
        { a: 1, b: 10 },
        { a: 3, b: 30 },
        { a: 2, b: 20 },
      ]),
    ).toEqual({
      a: { median: 2, min: 1, max: 3 },
      b: { median: 20, min: 10, max: 30 },
    });
  });
});

describe('rounds', () => {
  test('subject and floor alternate, and take turns in beginning', async () => {
    const order: string[] = [];
    const part = (name: string) => async (round: number) => {
      order.push(`${name}${round}`);
      return { value: round };
    };
    const result = await runRounds({ rounds: 3, subject: part('s'), floor: part('f') });
    expect(order).toEqual(['s0', 'f0', 'f1', 's1', 's2', 'f2']);
    expect(result.subject).toEqual([{ value: 0 }, { value: 1 }, { value: 2 }]);
    expect(result.floor).toEqual(result.subject);
  });

  test('the first failure ends them', async () => {
    let floors = 0;
    const run = runRounds({
      rounds: 3,
      subject: () => Promise.reject(new Error('broken')),
      floor: async () => ({ floors: ++floors }),
    });
    await expect(run).rejects.toThrow('broken');
    expect(floors).toBe(0);
  });

  test('no rounds at all are refused', async () => {
    const nothing = async () => ({});
    await expect(runRounds({ rounds: 0, subject: nothing, floor: nothing })).rejects.toThrow(RangeError);
  });
});

describe('a person reads', () => {
  test('numbers with the digits that matter', () => {
    expect([0.1234, 12.345, 123.4, 12_345.6, Number.NaN].map(readable)).toEqual(['0.12', '12.3', '123', '12,346', '–']);
    expect(formatSummary({ median: 2, min: 1.5, max: 30 })).toBe('2.00 (1.50–30.0)');
  });

  test('a table whose columns stand under each other', () => {
    expect(
      formatTable([
        ['', 'p50', 'p99'],
        ['gateway', '1.20', '12.3'],
        ['raw', '0.9'],
      ]),
    ).toBe(['          p50   p99', '───────  ────  ────', 'gateway  1.20  12.3', 'raw       0.9'].join('\n'));
  });
});
