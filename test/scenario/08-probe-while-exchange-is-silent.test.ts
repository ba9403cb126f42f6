import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { from, ONLINE, openHouse } from '../support/house.ts';

// Checklist 8 and decision 7: while Exchange can't be asked a probe gets unavailable, never unsubscribed.
test('with the database lost and Exchange silent a probe gets unavailable, and no roster entry is destroyed', async () => {
  await using house = await openHouse();
  const alice = house.contact('alice');
  const before = await house.watcher('bob');
  await before.subscribe(alice);
  await before.next(from(alice));
  await before.stop();
  await house.gateway.kill();
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(house.gateway.folder, `gateway.db${suffix}`), { force: true });
  house.exchange.faults.set({ kind: 'refuse-connections' });
  await house.gateway.restart();
  await house.gateway.waitForLog(ONLINE);
  const after = await house.watcher('bob');
  await after.next(from(alice, 'unavailable'));
  await after.expectSilence(1_000, from(alice, 'unsubscribed'));
  expect(await after.roster()).toMatchObject([{ jid: alice, subscription: 'to' }]);
});
