import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

// Checklist 7: the server probes from the full JID of a client that logs in; that client gets the presence.
test('a client that logs in gets the current presence, and the other clients hear nothing', async () => {
  await using house = await openHouse();
  const desk = await house.watcher('bob', 'desk');
  const alice = house.contact('alice');
  house.meetingNow('alice');
  await desk.subscribe(alice);
  await desk.next(from(alice, undefined, 'dnd'));
  const phone = await house.watcher('bob', 'phone');
  const presence = await phone.next(from(alice, undefined, 'dnd'));
  expect(presence).toMatchObject({ from: `${alice}/calendar`, status: 'In a meeting' });
  expect(presence.element.attrs.to).toBe(phone.jid);
  await desk.expectSilence(300, from(alice, undefined, 'dnd'));
});
