import { expect, test } from 'vitest';
import { fuzzReader } from '../support/reader-fuzz.ts';

test('200,000 mutated answers neither stop the reader nor mislead it', () => {
  const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);
  const report = fuzzReader(200_000 * Number(process.env.FUZZ_SHARE ?? 1), seed);
  console.log(report);
  expect(report.timelinesCompared).toBeGreaterThan(report.cases / 4);
  expect(report.slowestMs).toBeLessThan(2_000);
});
