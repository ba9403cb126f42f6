import { expect, test } from 'vitest';
import { fuzzInbound } from '../../support/inbound-fuzz/inbound-fuzz.ts';

test('2 % of the long test: 10,000 mutated stanzas and streams subscribe nobody who did not ask', async () => {
  const report = await fuzzInbound(10_000, Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000));
  console.log(report);
  // Streams that died before they were asked prove nothing.
  expect(report.answered).toBeGreaterThan(report.batches / 10);
  expect(report.results).toBeGreaterThan(report.cases / 100);
  expect(report.timers).toBe(0);
  // No stanza keeps the event loop for long; the bound is for a busy machine.
  expect(report.slowestMs).toBeLessThan(5_000);
}, 120_000);
