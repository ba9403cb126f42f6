import { expect, test } from 'vitest';
import { from, openHouse } from '../support/house.ts';

// Checklist 25: inbound UTF-8 split at any byte. Every byte that the server sends arrives alone. (ejabberd 23.01 refuses
// resources with characters that are younger than Unicode 3.2.)
test('characters that arrive byte by byte stay whole', async () => {
  await using house = await openHouse({ through: 'proxy', mailboxes: ['jürgen', '李雷'] });
  house.proxy.split();
  const bob = await house.watcher('bob', 'büro-☎-𝄞');
  for (const name of ['jürgen', '李雷']) {
    house.meetingNow(name);
    await bob.subscribe(house.contact(name));
    await bob.next(from(house.contact(name), undefined, 'dnd'), 20_000);
  }
  expect(house.rows()).toEqual([`jürgen ${bob.bareJid} subscribed`, `李雷 ${bob.bareJid} subscribed`]);
  const phone = await house.watcher('bob', 'téléphone-𝄢');
  const answer = await phone.next(from(house.contact('李雷'), undefined, 'dnd'), 20_000);
  expect(answer.element.attrs.to).toBe(phone.jid);
});
