import { expect, test } from 'vitest';
import { openHouse } from '../support/house.ts';

// Checklist 1: a wrong secret is an alert that names the cause, and is tried again with growing pauses.
test('a wrong component secret is named in the log, and tried again with growing pauses', async () => {
  await using house = await openHouse({
    files: { 'component-secret': 'mistaken' },
    ready: 'Presence gateway starts',
    speed: { wire: 20 },
  });
  const attempts = [];
  while (attempts.length < 4) attempts.push(await house.gateway.waitForLog((line) => 'retryIn' in line, 20_000));
  for (const attempt of attempts) {
    expect(attempt).toMatchObject({ level: 'error', condition: 'not-authorized' });
    expect(attempt.msg).toMatch(/secret/);
  }
  const pauses = attempts.map(({ retryIn }) => retryIn as number);
  // Each is 15 s doubled, less up to a half: the fourth is longer than the first whatever the dice say.
  expect(pauses[0]).toBeGreaterThanOrEqual(7_500);
  expect(pauses[0]).toBeLessThanOrEqual(15_000);
  expect(pauses[3]).toBeGreaterThanOrEqual(60_000);
  expect(JSON.stringify(house.gateway.logs)).not.toContain('mistaken');
});
