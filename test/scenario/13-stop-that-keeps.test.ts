import { expect, test } from 'vitest';
import { anythingFrom, from, ONLINE, openHouse } from '../support/house.ts';

// Decision 6: onStop: keep withdraws nothing (for an upgrade).
test('a stop for an upgrade says nothing, and the next start says everything again', async () => {
  await using house = await openHouse({ config: { xmpp: { onStop: 'keep' } } });
  const alice = house.contact('alice');
  house.meetingNow('alice');
  const bob = await house.watcher('bob');
  await bob.subscribe(alice);
  await bob.next(from(alice, undefined, 'dnd'));
  expect(await house.gateway.stop()).toBe(0);
  await bob.expectSilence(300, anythingFrom(alice));
  await house.gateway.restart();
  await house.gateway.waitForLog(ONLINE);
  await bob.next(from(alice, undefined, 'dnd'));
});
