import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

// Checklist 16: the account is deleted: its rows go with the unsubscribe that its server sends.
test('when a watcher’s account is deleted its subscriptions go, and those of others stay', async () => {
  await using house = await openHouse();
  const [alice, carol] = [house.contact('alice'), house.contact('carol')];
  const bob = await house.watcher('bob');
  const other = await house.watcher('alice');
  for (const [watcher, contact] of [
    [bob, alice],
    [bob, carol],
    [other, carol],
  ] as const) {
    await watcher.subscribe(contact);
    await watcher.next(from(contact));
  }
  await house.server.deleteUser('bob');
  await expect.poll(() => house.rows(), { timeout: 5_000 }).toEqual([`carol ${other.bareJid} subscribed`]);
});
