import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

// Checklist 13: SIGTERM → unavailable to every watcher, flushed, then the stream is closed.
test('a clean stop withdraws everything that was said, and ends with 0', async () => {
  await using house = await openHouse();
  const [alice, carol] = [house.contact('alice'), house.contact('carol')];
  house.meetingNow('alice');
  const [bob, dave] = [await house.watcher('bob'), await house.watcher('carol')];
  await bob.subscribe(alice);
  await bob.subscribe(carol);
  await dave.subscribe(alice);
  await bob.next(from(alice, undefined, 'dnd'));
  await bob.next(from(carol));
  await dave.next(from(alice, undefined, 'dnd'));
  const stopped = house.gateway.stop();
  await bob.next(from(alice, 'unavailable'));
  await bob.next(from(carol, 'unavailable'));
  await dave.next(from(alice, 'unavailable'));
  expect(await stopped).toBe(0);
});
