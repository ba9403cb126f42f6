import xml from '@xmpp/xml';
import { expect, test } from 'vitest';
import { openHouse } from '../support/house.ts';

// Checklist 22: XEP-0092 and XEP-0199 on domain and contact; XEP-0012 on the domain only.
test('domain and contacts tell the version and answer pings; the domain alone tells its uptime', async () => {
  await using house = await openHouse();
  const bob = await house.watcher('bob');
  const ask = (to: string, name: string, xmlns: string) =>
    bob.request(xml('iq', { type: 'get', to }, xml(name, { xmlns })));
  const domain = house.server.component.domain;
  for (const to of [domain, house.contact('alice'), `${house.contact('alice')}/calendar`]) {
    await ask(to, 'ping', 'urn:xmpp:ping');
    const version = await ask(to, 'query', 'jabber:iq:version');
    expect(version.getChild('query')?.getChildText('name')).toBe('Presence Gateway');
    expect(version.getChild('query')?.getChildText('version')).toMatch(/^\d+\.\d+\.\d+/);
  }
  const uptime = (await ask(domain, 'query', 'jabber:iq:last')).getChild('query')?.attrs.seconds;
  expect(Number(uptime)).toBeGreaterThanOrEqual(0);
  const asked = ask(house.contact('alice'), 'query', 'jabber:iq:last');
  await expect(asked).rejects.toMatchObject({ condition: 'service-unavailable' });
});
