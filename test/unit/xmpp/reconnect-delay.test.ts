import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { type FailureKind, reconnectDelay } from '../../../component/xmpp/reconnect-delay.ts';

const LONGEST = 1 - Number.EPSILON;

describe('the pause before the next connection', () => {
  test('doubles from one second to a minute in trouble', () => {
    const pauses = [1, 2, 3, 6, 7, 8, 5000].map((failures) => reconnectDelay(failures, 'trouble', () => LONGEST));
    expect(pauses.map((pause) => Math.round(pause / SECOND))).toEqual([1, 2, 4, 32, 60, 60, 60]);
  });

  test('doubles from 15 seconds to five minutes after a refusal', () => {
    const pauses = [1, 2, 3, 5, 6, 5000].map((failures) => reconnectDelay(failures, 'refusal', () => LONGEST));
    expect(pauses.map((pause) => Math.round(pause / SECOND))).toEqual([15, 30, 60, 240, 300, 300]);
  });

  test('is spread over the upper half, so that it is never short and never in step', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.constantFrom<FailureKind>('trouble', 'refusal'),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (failures, kind, random) => {
          const pause = reconnectDelay(failures, kind, () => random);
          const full = reconnectDelay(failures, kind, () => 1);
          expect(pause).toBeGreaterThanOrEqual(full / 2);
          expect(pause).toBeLessThanOrEqual(full);
          expect(pause).toBeLessThanOrEqual(5 * MINUTE);
        },
      ),
    );
  });
});
