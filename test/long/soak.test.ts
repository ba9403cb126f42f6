import { expect, test } from 'vitest';
import { soak } from '../support/soak/soak.ts';

test('at ten times real time, through restarts and outages, everybody comes to see the truth, and memory stays flat', async () => {
  const minutes = Number(process.env.SOAK_MINUTES ?? 30);
  const seed = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000);
  console.log(`soak of ${minutes} minutes, seed ${seed}`);
  const report = await soak({ minutes, seed });
  console.log(report);
  expect(report.watched).toBeGreaterThan(report.quietPoints);
  // What the process gains in the time that it is looked at; its heap breathes by some MiB.
  expect(report.memory.mibPerHour * report.memory.hours).toBeLessThan(16);
}, 7_200_000);
