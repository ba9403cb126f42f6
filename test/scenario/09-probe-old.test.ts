import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

const NS_DELAY = 'urn:xmpp:delay';

// Checklist 9: state old → the last presence with XEP-0203 delay; past staleAfter → unavailable, and back with Exchange.
test('while Exchange is away old knowledge says how old it is, then it ends, and comes back with Exchange', async () => {
  await using house = await openHouse({
    config: { calendar: { refresh: '5m', refreshIdle: '5m', staleAfter: '20m' } },
    speed: { calendar: 150 },
  });
  const alice = house.contact('alice');
  house.meetingNow('alice', 'Busy', 24 * 3_600_000);
  const bob = await house.watcher('bob');
  await bob.subscribe(alice);
  await bob.next(from(alice, undefined, 'dnd'));
  const knownUntil = house.now();
  house.exchange.faults.set({ kind: 'refuse-connections' });

  // Older than it can be while all is well.
  await new Promise((resolve) => setTimeout(resolve, 4_800));
  const phone = await house.watcher('bob', 'phone');
  const old = await phone.next(from(alice, undefined, 'dnd'));
  const stamp = Date.parse(old.element.getChild('delay', NS_DELAY)?.attrs.stamp ?? '');
  expect(Math.abs(stamp - knownUntil)).toBeLessThan(6 * 60_000);

  await bob.next(from(alice, 'unavailable'), 8_000);
  house.exchange.faults.clear();
  const back = await bob.next(from(alice, undefined, 'dnd'), 10_000);
  expect(back.element.getChild('delay', NS_DELAY)).toBeUndefined();
});
