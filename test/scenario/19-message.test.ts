import xml from '@xmpp/xml';
import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

// Checklist 19: a message to a contact gets a short status reply or service-unavailable; one of type error, silence.
test('who watches a contact is told its status in words; who does not learns that nobody reads', async () => {
  await using house = await openHouse();
  house.meetingNow('alice');
  const alice = house.contact('alice');
  const bob = await house.watcher('bob');
  const carol = await house.watcher('carol');
  const write = (to: string, attributes = {}) =>
    xml('message', { to, type: 'chat', id: 'm1', ...attributes }, xml('body', {}, 'Are you there?'));
  await bob.subscribe(alice);
  await bob.next(from(alice, undefined, 'dnd'));

  await bob.send(write(alice));
  const answer = await bob.next((stanza) => stanza.name === 'message');
  expect(answer.from).toBe(`${alice}/calendar`);
  expect(answer.element.getChildText('body')).toBe('alice: In a meeting');

  await carol.send(write(alice));
  const refusal = await carol.next((stanza) => stanza.name === 'message');
  expect(refusal.type).toBe('error');
  expect(refusal.element.getChild('error')?.getChild('service-unavailable')).toBeDefined();

  await carol.send(write(alice, { type: 'error' }));
  await carol.expectSilence(1_000, (stanza) => stanza.name === 'message');
});
