import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

test('a terminal that is closed (SIGHUP) is a clean stop, too', async () => {
  await using house = await openHouse();
  const alice = house.contact('alice');
  house.meetingNow('alice');
  const bob = await house.watcher('bob');
  await bob.subscribe(alice);
  await bob.next(from(alice, undefined, 'dnd'));
  process.kill(house.gateway.pid, 'SIGHUP');
  await bob.next(from(alice, 'unavailable'));
  expect(await house.gateway.exit()).toBe(0);
});
