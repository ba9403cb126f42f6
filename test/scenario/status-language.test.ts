import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

// RFC 6121 §4.7.2.2: each status in a language of its own. Prosody calls presence English that does not say what it is.
test('a text is in the language that the configuration says, whatever the server takes for its own', async () => {
  const texts = { de: 'In einer Besprechung', en: 'In a meeting' };
  await using house = await openHouse({
    config: { presence: { language: 'de', statuses: { Busy: { status: texts } } } },
  });
  house.meetingNow('alice');
  const alice = house.contact('alice');
  const bob = await house.watcher('bob');
  await bob.subscribe(alice);
  const { element } = await bob.next(from(alice, undefined, 'dnd'));
  const language = element.attrs['xml:lang'];
  expect(element.getChildren('status').map((status) => [status.attrs['xml:lang'] ?? language, status.text()])).toEqual(
    Object.entries(texts),
  );
});
