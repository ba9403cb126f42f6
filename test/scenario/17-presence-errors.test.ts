import xml from '@xmpp/xml';
import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

const NS_STANZAS = 'urn:ietf:params:xml:ns:xmpp-stanzas';

// Checklist 17: presence of type error is never answered. wait: keep. gone: suspend until the next probe or subscribe.
test('a watcher who is said to be gone is told nothing until it logs in again; one who has to wait is told all', async () => {
  await using house = await openHouse();
  const alice = house.contact('alice');
  const begins = house.now() + 5_000;
  house.exchange.calendars.book(house.mailbox('alice'), { start: begins, end: begins + 3_600_000 });
  const [bob, carol] = [await house.watcher('bob'), await house.watcher('carol')];
  for (const watcher of [bob, carol]) {
    await watcher.subscribe(alice);
    await watcher.next(from(alice));
  }
  const bounce = (type: string, condition: string) =>
    xml('presence', { type: 'error', to: `${alice}/calendar` }, [
      xml('error', { type }, xml(condition, { xmlns: NS_STANZAS })),
    ]);
  await bob.send(bounce('cancel', 'gone'));
  await carol.send(bounce('wait', 'remote-server-timeout'));
  await house.gateway.waitForLog('A watcher can’t be reached: it is told nothing until it asks again');

  expect(house.now()).toBeLessThan(begins);
  await carol.next(from(alice, undefined, 'dnd'), 10_000);
  await bob.expectSilence(500);
  const back = await house.watcher('bob', 'back');
  await back.next(from(alice, undefined, 'dnd'));
  expect(house.rows()).toEqual([`alice ${bob.bareJid} subscribed`, `alice ${carol.bareJid} subscribed`]);
});
