import { expect, test } from 'vitest';
import { from, ONLINE, openHouse } from '../support/house.ts';

// Checklist 12 (and 15): the server sends no probes when the component is back: everything is said again unasked.
test('after the XMPP server’s restart a watcher who was there first sees everything again, without logging in again', async () => {
  await using house = await openHouse();
  const [alice, carol] = [house.contact('alice'), house.contact('carol')];
  house.meetingNow('alice');
  const before = await house.watcher('bob');
  await before.subscribe(alice);
  await before.subscribe(carol);
  await before.next(from(alice, undefined, 'dnd'));
  await before.next(from(carol));
  await house.server.restart();
  // Bob is back at once; the gateway waits a moment before it connects again.
  const after = await house.watcher('bob');
  await house.gateway.waitForLog(ONLINE);
  await after.next(from(alice, undefined, 'dnd'));
  await after.next(from(carol));
  expect(house.gateway.isRunning).toBe(true);
});
