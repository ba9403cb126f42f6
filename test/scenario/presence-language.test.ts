import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

// Servers give a stanza without xml:lang a language of their own.
test('texts arrive in the language that they are written in', async () => {
  const status = { de: 'In einer Besprechung', en: 'In a meeting' };
  await using house = await openHouse({ config: { presence: { language: 'de', statuses: { Busy: { status } } } } });
  house.meetingNow('alice');
  const bob = await house.watcher('bob');
  await bob.subscribe(house.contact('alice'));
  const { element } = await bob.next(from(house.contact('alice'), undefined, 'dnd'));
  const texts = element
    .getChildren('status')
    .map((text) => [text.attrs['xml:lang'] ?? element.attrs['xml:lang'], text.text()]);
  expect(Object.fromEntries(texts)).toEqual(status);
});
