import { expect, test } from 'vitest';
import { from, ONLINE, openHouse } from '../support/house.ts';

// Checklist 14: kill -9, restart. Timelines are persisted: a restart is right at once, also while Exchange is down.
test('after kill -9 every watcher converges to the right state, even without Exchange', async () => {
  await using house = await openHouse();
  const alice = house.contact('alice');
  const now = Date.now();
  house.exchange.calendars.book(house.mailbox('alice'), { start: now + 4_000, end: now + 3_600_000 });
  const bob = await house.watcher('bob');
  await bob.subscribe(alice);
  await bob.next(from(alice));
  // What is known is saved within a second.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await house.gateway.kill();
  house.exchange.faults.set({ kind: 'refuse-connections' });
  // The meeting begins while the gateway is dead.
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, now + 4_500 - Date.now())));
  expect(bob.received.filter(({ show }) => show === 'dnd')).toEqual([]);
  await house.gateway.restart();
  await house.gateway.waitForLog(ONLINE);
  await bob.next(from(alice, undefined, 'dnd'));
});
