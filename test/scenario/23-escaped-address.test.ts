import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

// Checklist 23: XEP-0106: a whole address as a contact's name.
test('a contact that carries a whole address shows that mailbox', async () => {
  await using house = await openHouse({ mailboxes: ["o'neil+x"] });
  const contact = house.contact('o\\27neil+x\\40example.test');
  house.meetingNow("o'neil+x");
  const bob = await house.watcher('bob');
  await bob.subscribe(contact);
  await bob.next(from(contact, 'subscribed'));
  const presence = await bob.next(from(contact, undefined, 'dnd'));
  expect(presence.from).toBe(`${contact}/calendar`);
});
