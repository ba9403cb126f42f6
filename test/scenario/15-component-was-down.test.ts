import { test } from 'vitest';
import { from, ONLINE, openHouse } from '../support/house.ts';

// Checklist 15: who logged in while the component was down has the state when it is back, without logging in again.
test('a watcher who logged in while the gateway was down sees everything when it is back', async () => {
  await using house = await openHouse();
  const alice = house.contact('alice');
  house.meetingNow('alice');
  const before = await house.watcher('bob');
  await before.subscribe(alice);
  await before.next(from(alice, undefined, 'dnd'));
  await before.stop();
  await house.gateway.stop();
  const bob = await house.watcher('bob');
  await bob.expectSilence(500, from(alice, undefined, 'dnd'));
  await house.gateway.restart();
  await house.gateway.waitForLog(ONLINE);
  await bob.next(from(alice, undefined, 'dnd'));
});
