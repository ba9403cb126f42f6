import { test } from 'vitest';
import { surviveKills } from '../support/kill-nine.ts';

// Checklist 14: no acknowledged subscription is lost. 200 of these, with the compiled program, are in `npm run test:long`.
test('kill -9 in the midst of subscribing and unsubscribing loses nothing that was acknowledged', async () => {
  const seed = Date.now() % 1_000_000;
  console.log(await surviveKills({ exchanges: 12, seed }));
}, 120_000);
