import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

// Checklist 24: a status with characters that XML cannot carry is cleaned, and the stream stays up.
test('whatever an administrator writes as a text, it arrives as far as XML can carry it', async () => {
  const text = `]]>&lt;<b>"'${'\u0000\u0001\u000B\uFFFE'} till tomorrow 📅 ${'x'.repeat(900)}`;
  const statuses = { Busy: { status: { en: text, de: '\uD83D' } } };
  await using house = await openHouse({ config: { presence: { statuses } } });
  const alice = house.contact('alice');
  house.meetingNow('alice');
  const bob = await house.watcher('bob');
  await bob.subscribe(alice);
  const presence = await bob.next(from(alice, undefined, 'dnd'));
  expect(presence.status).toBe(`]]>&lt;<b>"' till tomorrow 📅 ${'x'.repeat(900)}`);
  // The stream is the same one.
  const phone = await house.watcher('bob', 'phone');
  await phone.next(from(alice, undefined, 'dnd'));
  expect(house.gateway.logs.filter((line) => 'retryIn' in line)).toEqual([]);
});
