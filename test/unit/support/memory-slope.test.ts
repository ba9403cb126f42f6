import { expect, test } from 'vitest';
import { MINUTE } from '../../../component/runtime/clock.ts';
import { MemoryRecord } from '../../support/soak/memory-slope.ts';

const MIB = 2 ** 20;

test('the slope is that of runs that have warmed up, whatever the level of each', () => {
  const record = new MemoryRecord(2 * MINUTE);
  for (const [pid, began, level] of [
    [1, 0, 100],
    [2, 20, 300],
  ] as const) {
    for (let minute = 0; minute <= 12; minute++) {
      // A start takes memory that says nothing; then it is 3 MiB an hour, and some noise.
      const mib = minute < 2 ? level * minute : level + (3 * minute) / 60 + (minute % 2 === 0 ? 0.5 : -0.5);
      record.add(pid, { at: (began + minute) * MINUTE, bytes: mib * MIB });
    }
  }
  const { mibPerHour, hours, peakMib } = record.summary();
  expect(mibPerHour).toBeCloseTo(3, 0);
  expect(hours).toBeCloseTo(20 / 60);
  expect(peakMib).toBe(301);
});
