import xml from '@xmpp/xml';
import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

// Checklist 3: the same answer, one row. Prosody repeats a pending subscribe at each log-in; a client may, too.
test('the same subscribe again gets the same answer and leaves one row', async () => {
  await using house = await openHouse({ speed: { calendar: 20 } });
  const alice = house.contact('alice');
  house.exchange.faults.set({ kind: 'unavailable' });
  const first = await house.watcher('bob');
  await first.subscribe(alice);
  await first.stop();
  const second = await house.watcher('bob');
  await second.expectSilence(500);
  expect(house.rows()).toEqual([`alice ${second.bareJid} pending`]);
  house.exchange.faults.clear();
  await second.next(from(alice, 'subscribed'), 10_000);
  await second.next(from(alice));
  await second.send(xml('presence', { type: 'subscribe', to: alice }));
  // The server answers for itself what it already knows, or asks again: what follows is a presence, never a refusal.
  await second.expectSilence(500, from(alice, 'unsubscribed'));
  expect(house.rows()).toEqual([`alice ${second.bareJid} subscribed`]);
});
