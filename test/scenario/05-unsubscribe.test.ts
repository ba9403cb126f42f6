import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

// Checklist 5: unavailable from the same full JID, the row deleted, nothing more.
test('a watcher who unsubscribes sees the contact leave, and hears nothing more', async () => {
  await using house = await openHouse();
  const bob = await house.watcher('bob');
  const alice = house.contact('alice');
  const meeting = house.meetingNow('alice', 'Busy', 3_000);
  await bob.subscribe(alice);
  await bob.next(from(alice, 'subscribed'));
  await bob.next(from(alice, undefined, 'dnd'));
  await bob.unsubscribe(alice);
  const leaving = await bob.next(from(alice, 'unavailable'));
  expect(leaving.from).toBe(`${alice}/calendar`);
  // The meeting ends meanwhile.
  await bob.expectSilence(3_500);
  expect(meeting).not.toBe('');
  expect(house.rows()).toEqual([]);
});
