import { expect, test } from 'vitest';
import { anythingFrom, from, openHouse } from '../support/house.ts';

// Checklist 2: Exchange silent → pending, answered when it speaks.
test('while Exchange is silent a subscription stays pending, and is answered when it speaks', async () => {
  await using house = await openHouse({ speed: { calendar: 20 } });
  const bob = await house.watcher('bob');
  const alice = house.contact('alice');
  house.exchange.faults.set({ kind: 'unavailable' });
  await bob.subscribe(alice);
  await bob.expectSilence(1_500, anythingFrom(alice));
  expect(house.rows()).toEqual([`alice ${bob.bareJid} pending`]);
  house.exchange.faults.clear();
  await bob.next(from(alice, 'subscribed'), 10_000);
  await bob.next(from(alice));
  expect(house.rows()).toEqual([`alice ${bob.bareJid} subscribed`]);
});
