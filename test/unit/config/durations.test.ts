import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { duration, formatDuration, parseDuration } from '../../../config/schema/values.ts';

const factors = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const unit = fc.constantFrom('ms', 's', 'm', 'h', 'd');
const amount = fc.nat(999_999_999);

describe('durations', () => {
  test('are an amount times a unit', () => {
    fc.assert(fc.property(amount, unit, (n, u) => parseDuration(`${n}${u}`) === n * factors[u]));
  });

  test('come back from the text that they are shown as', () => {
    fc.assert(fc.property(amount, (n) => parseDuration(formatDuration(n)) === n));
  });

  test('are shown in the largest unit that has no remainder', () => {
    expect([0, 250, 90_000, 3_600_000, 4_800_000, 604_800_000].map(formatDuration)).toEqual([
      '0s',
      '250ms',
      '90s',
      '1h',
      '80m',
      '7d',
    ]);
  });

  test('are nothing but digits and one unit', () => {
    const other = fc.string().filter((text) => !/^\d{1,9}(ms|s|m|h|d)$/.test(text));
    fc.assert(fc.property(other, (text) => parseDuration(text) === undefined));
    expect(['', '5', 's', '-5s', '1.5h', '5 s', '5S', '1h30m', '5s\n', '1234567890s'].map(parseDuration)).toEqual(
      Array(10).fill(undefined),
    );
  });

  test('are accepted exactly within their limits', () => {
    const schema = duration(1_000, 60_000);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 120_000 }), (n) => {
        const result = schema.safeParse(`${n}ms`);
        expect(result.success).toBe(n >= 1_000 && n <= 60_000);
        if (result.success) expect(result.data).toBe(n);
      }),
    );
  });
});
