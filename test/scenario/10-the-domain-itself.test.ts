import xml from '@xmpp/xml';
import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

// Checklist 10: probe or subscribe to the bare component domain → available; subscribed and available.
test('the component itself can be in a roster, and is available while it runs', async () => {
  await using house = await openHouse();
  const { domain } = house.server.component;
  const bob = await house.watcher('bob');
  await bob.subscribe(domain);
  await bob.next(from(domain, 'subscribed'));
  await bob.next(from(domain));
  // The log-in of another client is a probe.
  const phone = await house.watcher('bob', 'phone');
  await phone.next(from(domain));
  // By a directed probe, too.
  await bob.send(xml('presence', { to: domain, type: 'probe' }));
  expect(house.rows()).toEqual([]);
});
