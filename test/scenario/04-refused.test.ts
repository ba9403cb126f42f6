import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

// Checklist 4: forbidden, and unknown to Exchange: unsubscribed, and the asker can't tell one from the other.
test('a forbidden contact and one that does not exist are refused with the same words', async () => {
  await using house = await openHouse({
    config: { watchers: { domains: ['example.test'], rules: [{ deny: 'bob@example.test', contacts: ['alice'] }] } },
  });
  const bob = await house.watcher('bob');
  const [forbidden, unknown, malformed] = [house.contact('alice'), house.contact('nobody'), house.contact('a\\3cb')];
  house.meetingNow('alice');
  const refusals = [];
  for (const contact of [forbidden, unknown, malformed]) {
    await bob.subscribe(contact);
    const refusal = await bob.next(from(contact, 'unsubscribed'));
    refusals.push(refusal.element.toString().replaceAll(contact, 'X'));
  }
  expect(new Set(refusals).size).toBe(1);
  await bob.expectSilence(500);
  expect(bob.received).toHaveLength(3);
  expect(house.rows()).toEqual([]);
});
