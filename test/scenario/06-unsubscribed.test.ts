import xml from '@xmpp/xml';
import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

// Checklist 6: a user who cancels the contact's subscription (there is none) gets no reply, and keeps its own.
test('an unsubscribed from a user changes nothing and gets no reply', async () => {
  await using house = await openHouse();
  const bob = await house.watcher('bob');
  const alice = house.contact('alice');
  house.meetingNow('alice', 'Busy', 2_500);
  await bob.subscribe(alice);
  await bob.next(from(alice, undefined, 'dnd'));
  await bob.send(xml('presence', { type: 'unsubscribed', to: alice }));
  await bob.expectSilence(500);
  await bob.next(from(alice));
  expect(house.rows()).toEqual([`alice ${bob.bareJid} subscribed`]);
});
