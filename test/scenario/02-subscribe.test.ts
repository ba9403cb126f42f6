import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

// Checklist 2: subscribed (bare → bare), then one presence from the fixed full JID.
test('a watcher who subscribes is accepted, and sees the meeting', async () => {
  await using house = await openHouse();
  const bob = await house.watcher('bob');
  const alice = house.contact('alice');
  house.meetingNow('alice');
  await bob.subscribe(alice);
  const subscribed = await bob.next(from(alice, 'subscribed'));
  // ejabberd puts the client's full JID in the place of the bare one.
  expect([subscribed.from, subscribed.element.attrs.to?.split('/')[0]]).toEqual([alice, bob.bareJid]);
  const presence = await bob.next(from(alice, undefined, 'dnd'));
  expect(presence).toMatchObject({ from: `${alice}/calendar`, status: 'In a meeting' });
  await bob.expectSilence(500);
  expect(bob.received).toHaveLength(2);
});
