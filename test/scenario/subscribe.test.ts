import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

test('a watcher who subscribes is accepted once Exchange has answered, and sees the meeting', async () => {
  await using house = await openHouse();
  const bob = await house.watcher('bob');
  const alice = house.contact('alice');
  house.meetingNow('alice');
  await bob.subscribe(alice);
  const subscribed = await bob.next(from(alice, 'subscribed'));
  expect(subscribed.from).toBe(alice);
  const presence = await bob.next(from(alice, undefined, 'dnd'));
  expect(presence).toMatchObject({ from: `${alice}/calendar`, status: 'In a meeting' });
  expect(bob.received).toHaveLength(2);
});
