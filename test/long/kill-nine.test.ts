import { test } from 'vitest';
import { surviveKills } from '../support/kill-nine.ts';

test('200 times kill -9 in the midst of subscribing and unsubscribing loses nothing that was acknowledged', async () => {
  const seed = Date.now() % 1_000_000;
  console.log(await surviveKills({ exchanges: 200, seed, entry: 'dist' }));
});
