import { expect, test } from 'vitest';
import { fuzzInbound } from '../support/inbound-fuzz/inbound-fuzz.ts';

test('500,000 mutated stanzas and streams subscribe nobody who did not ask, and the gateway goes on', async () => {
  const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);
  const report = await fuzzInbound(500_000 * Number(process.env.FUZZ_SHARE ?? 1), seed);
  console.log(report);
  expect(report.answered).toBeGreaterThan(report.batches / 10);
  expect(report.results).toBeGreaterThan(report.cases / 100);
  expect(report.grownMiB).toBeLessThan(6);
  expect(report.timers).toBe(0);
  expect(report.slowestMs).toBeLessThan(5_000);
});
