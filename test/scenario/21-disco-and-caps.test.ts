import { createHash } from 'node:crypto';
import xml from '@xmpp/xml';
import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

const NS_INFO = 'http://jabber.org/protocol/disco#info';
const NS_ITEMS = 'http://jabber.org/protocol/disco#items';
const NS_CAPS = 'http://jabber.org/protocol/caps';

// Checklist 21: disco#info on the domain, a contact's bare and full JID; the caps hash matches `ver`; unknown node → item-not-found.
test('everybody can find out what the domain and contacts are, and the hash in presence is that of the answer', async () => {
  await using house = await openHouse();
  const alice = house.contact('alice');
  const bob = await house.watcher('bob');
  const info = async (to: string, node?: string) => {
    const answer = await bob.request(xml('iq', { type: 'get', to }, xml('query', { xmlns: NS_INFO, node })));
    const query = answer.getChild('query', NS_INFO);
    const identity = query?.getChild('identity')?.attrs;
    const features = query?.getChildren('feature').map(({ attrs }) => String(attrs.var)) ?? [];
    return { identity, features };
  };
  const domain = await info(house.server.component.domain);
  expect(domain.identity).toMatchObject({ category: 'component', type: 'presence' });
  expect(domain.features).toEqual(expect.arrayContaining([NS_INFO, 'jabber:iq:last', 'urn:xmpp:ping']));
  expect((await info(alice)).identity).toMatchObject({ category: 'account', type: 'registered' });

  await bob.subscribe(alice);
  const presence = await bob.next(from(alice));
  const caps = presence.element.getChild('c', NS_CAPS)?.attrs ?? {};
  expect(caps.hash).toBe('sha-1');
  const { identity, features } = await info(`${alice}/calendar`, `${caps.node}#${caps.ver}`);
  // XEP-0115 §5.1.
  const text = `${identity?.category}/${identity?.type}//${identity?.name}<${features
    .toSorted()
    .map((feature) => `${feature}<`)
    .join('')}`;
  expect(createHash('sha1').update(text).digest('base64')).toBe(caps.ver);
  for (const to of [house.server.component.domain, alice, `${alice}/calendar`]) {
    await expect(info(to, 'urn:other#node')).rejects.toMatchObject({ condition: 'item-not-found' });
    // Contacts are not listed, to nobody.
    const items = await bob.request(xml('iq', { type: 'get', to }, xml('query', NS_ITEMS)));
    expect(items.getChild('query', NS_ITEMS)?.children).toEqual([]);
  }
});
