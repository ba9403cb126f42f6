import { expect, test } from 'vitest';
import { from, ONLINE, openHouse } from '../support/house.ts';

// Checklist 26: the peer vanishes without FIN, then accepts TCP and is silent. The network's waits run 20 times as
// fast: 60 s of silence and 30 s for a ping are 4.5 s, 10 s for a connection half a second.
test('a peer that vanished, and one that accepts and says nothing, are left for a new connection', async () => {
  await using house = await openHouse({ through: 'proxy', speed: { wire: 20 } });
  const alice = house.contact('alice');
  house.meetingNow('alice');
  const bob = await house.watcher('bob');
  await bob.subscribe(alice);
  await bob.next(from(alice, undefined, 'dnd'));
  house.proxy.freeze();
  // Found dead, and new connections get no answer.
  const lost = await house.gateway.waitForLog((line) => 'retryIn' in line, 10_000);
  const silent = await house.gateway.waitForLog((line) => 'retryIn' in line, 5_000);
  expect([lost.level, silent.level]).toEqual(['warn', 'warn']);
  expect(house.proxy.connections).toBeGreaterThan(1);
  house.proxy.thaw();
  // Prosody still holds the old connection and may call the new one a conflict until it notices.
  await house.server.restart();
  await house.gateway.waitForLog(ONLINE, 15_000);
  const again = await house.watcher('bob');
  await again.next(from(alice, undefined, 'dnd'));
});
