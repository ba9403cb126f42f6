import xml from '@xmpp/xml';
import { expect, test } from 'vitest';
import { anythingFrom, from, openHouse } from '../support/house.ts';

test('huge stanzas, unknown namespaces and strange types are refused or met with silence, and the gateway goes on', async () => {
  await using house = await openHouse();
  const alice = house.contact('alice');
  house.meetingNow('alice');
  const [bob, stranger] = [await house.watcher('bob'), await house.watcher('carol')];
  await bob.subscribe(alice);
  await bob.next(from(alice, undefined, 'dnd'));

  const huge = 'x'.repeat(200_000);
  await stranger.send(xml('message', { to: alice, type: 'chat' }, xml('body', {}, huge)));
  const refused = await stranger.next(({ name, type }) => name === 'message' && type === 'error');
  expect(refused.element.getChild('error')?.getChild('service-unavailable')).toBeDefined();
  await stranger.send(xml('message', { to: alice, type: 'error' }, xml('body', {}, 'no answer to this')));
  await stranger.send(xml('message', { to: alice, type: 'headline' }, xml('body', {}, 'nor to this')));
  await stranger.send(xml('presence', { to: alice }, xml('x', 'urn:unknown', huge)));
  await stranger.send(xml('presence', { to: alice, type: 'subscribed' }));
  await stranger.expectSilence(500, anythingFrom(alice));
  const iq = xml('iq', { type: 'set', to: alice }, xml('query', 'urn:unknown', huge));
  await expect(stranger.request(iq)).rejects.toMatchObject({ condition: 'service-unavailable' });

  const phone = await house.watcher('bob', 'phone');
  await phone.next(from(alice, undefined, 'dnd'));
  expect(house.gateway.logs.filter(({ level }) => level === 'error')).toEqual([]);
});
