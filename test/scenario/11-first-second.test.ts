import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

// Decision of the house: the local clock decides when presence changes, to the second, however seldom Exchange is asked.
test('a meeting shows from its first second to its last', async () => {
  await using house = await openHouse();
  const alice = house.contact('alice');
  const start = Math.ceil(Date.now() / 1000) * 1000 + 3_000;
  house.exchange.calendars.book(house.mailbox('alice'), { start, end: start + 2_000 });
  const bob = await house.watcher('bob');
  await bob.subscribe(alice);
  await bob.next(from(alice));
  const begun = await bob.next(from(alice, undefined, 'dnd'), 10_000);
  const ended = await bob.next(from(alice));
  for (const lateness of [begun.at - start, ended.at - (start + 2_000)]) {
    expect(lateness).toBeGreaterThanOrEqual(0);
    expect(lateness).toBeLessThan(1_000);
  }
});
