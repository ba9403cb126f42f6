import xml from '@xmpp/xml';
import { expect, test } from 'vitest';
import { openHouse } from '../support/house.ts';

// Checklist 20: unknown → service-unavailable; malformed → bad-request; stray result or error → silence.
test('what nobody understands is refused, what is malformed too, and stray replies are met with silence', async () => {
  await using house = await openHouse();
  const bob = await house.watcher('bob');
  for (const to of [house.server.component.domain, house.contact('alice'), `${house.contact('alice')}/calendar`]) {
    const ask = (...children: ReturnType<typeof xml>[]) => bob.request(xml('iq', { type: 'get', to }, ...children));
    await expect(ask(xml('query', 'urn:unknown'))).rejects.toMatchObject({ condition: 'service-unavailable' });
    await expect(ask(xml('a', 'urn:a'), xml('b', 'urn:b'))).rejects.toMatchObject({ condition: 'bad-request' });
    await bob.send(xml('iq', { type: 'result', id: 'stray', to }));
    await bob.send(xml('iq', { type: 'error', id: 'stray', to }, xml('error', { type: 'cancel' })));
  }
  await bob.expectSilence(300);
  expect(bob.isConnected).toBe(true);
  expect(house.gateway.logs.filter(({ level }) => level === 'error')).toEqual([]);
});
