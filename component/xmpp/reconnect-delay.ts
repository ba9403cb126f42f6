import { MINUTE, SECOND } from '../runtime/clock.ts';

/**
 * How a connection failed, as far as the pause before the next one is concerned: `trouble` passes by itself
 * (a restart, the network); a `refusal` lasts until a person mends a configuration or an old connection is dropped.
 */
export type FailureKind = 'trouble' | 'refusal';

const PAUSES = {
  trouble: { first: SECOND, longest: MINUTE },
  refusal: { first: 15 * SECOND, longest: 5 * MINUTE },
} as const;

/**
 * The pause before the next connection, in milliseconds: doubled with each failure up to a cap, then cut by up to
 * half at random, so that many gateways don't come back to a restarted server in step.
 *
 * @param failures how many connections have failed in a row, the present one included (1 or more)
 * @param random gives a number in [0, 1)
 */
export function reconnectDelay(failures: number, kind: FailureKind, random: () => number): number {
  const { first, longest } = PAUSES[kind];
  const pause = Math.min(longest, first * 2 ** (failures - 1));
  return pause * (0.5 + random() / 2);
}
