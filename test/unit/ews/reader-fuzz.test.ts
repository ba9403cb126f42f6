import { expect, test } from 'vitest';
import { fuzzReader } from '../../support/reader-fuzz.ts';

test('2 % of the long test: 4,000 mutated answers neither stop the reader nor mislead it', () => {
  const report = fuzzReader(4_000, Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000));
  console.log(report);
  expect(report.timelinesCompared).toBeGreaterThan(1_000);
  // No answer keeps the event loop for long; the bound is for a busy machine.
  expect(report.slowestMs).toBeLessThan(2_000);
}, 120_000);
