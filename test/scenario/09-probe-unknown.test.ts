import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

/** Long enough for a busy machine to show it. */
const MEETING = 3_000;

// Checklist 9: state unknown → unavailable. Exchange has no free/busy of a mailbox it knows.
test('a contact of whom Exchange knows nothing is unavailable', async () => {
  await using house = await openHouse();
  const alice = house.contact('alice');
  house.meetingNow('alice', 'Busy', MEETING);
  const now = Date.now();
  // From the end of the meeting on there is no data.
  house.exchange.calendars.book(house.mailbox('alice'), {
    start: now + MEETING,
    end: now + 3_600_000,
    status: 'NoData',
  });
  const bob = await house.watcher('bob');
  await bob.subscribe(alice);
  await bob.next(from(alice, undefined, 'dnd'));
  await bob.next(from(alice, 'unavailable'));
  const phone = await house.watcher('bob', 'phone');
  await phone.next(from(alice, 'unavailable'));
  expect(phone.received.map(({ type }) => type)).toEqual(['unavailable']);
});
