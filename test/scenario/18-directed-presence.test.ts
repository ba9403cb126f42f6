import xml from '@xmpp/xml';
import { expect, test } from 'vitest';
import { anythingFrom, from, openHouse } from '../support/house.ts';

// Checklist 18: directed presence from a stranger → nothing is said.
test('a stranger who sends presence to a contact learns nothing', async () => {
  await using house = await openHouse();
  const alice = house.contact('alice');
  house.meetingNow('alice');
  const [bob, stranger] = [await house.watcher('bob'), await house.watcher('carol')];
  await bob.subscribe(alice);
  await bob.next(from(alice, undefined, 'dnd'));
  for (const type of [undefined, 'unavailable', 'error']) await stranger.send(xml('presence', { to: alice, type }));
  await stranger.expectSilence(1_000, anythingFrom(alice));
  expect(house.rows()).toEqual([`alice ${bob.bareJid} subscribed`]);
});
