import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { from, ONLINE, openHouse } from '../support/house.ts';

// Checklist 8: a database that was lost, or put back from a backup, must not wipe rosters.
test('a permitted watcher whose row was lost gets it back at the next log-in', async () => {
  await using house = await openHouse();
  const alice = house.contact('alice');
  house.meetingNow('alice');
  const before = await house.watcher('bob');
  await before.subscribe(alice);
  await before.next(from(alice, undefined, 'dnd'));
  await before.stop();
  await house.gateway.kill();
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(house.gateway.folder, `gateway.db${suffix}`), { force: true });
  await house.gateway.restart();
  await house.gateway.waitForLog(ONLINE);
  const after = await house.watcher('bob');
  // Nothing is known at first; Exchange is asked, and then the meeting shows.
  await after.next(from(alice, 'unavailable'));
  await after.next(from(alice, undefined, 'dnd'));
  expect(house.rows()).toEqual([`alice ${after.bareJid} subscribed`]);
  expect(await after.roster()).toMatchObject([{ jid: alice, subscription: 'to' }]);
});
