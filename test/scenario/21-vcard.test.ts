import xml from '@xmpp/xml';
import { expect, test } from 'vitest';
import { openHouse } from '../support/house.ts';

// XEP-0054: the name from the directory, for those who may watch; for others there is no such contact.
test('a contact has the name that the directory gives it; to a stranger it is a contact that does not exist', async () => {
  await using house = await openHouse({
    config: {
      directory: { names: { alice: 'Alice Smith' } },
      watchers: { rules: [{ deny: 'carol@example.test' }] },
    },
  });
  const [bob, carol] = [await house.watcher('bob'), await house.watcher('carol')];
  const vcard = () => xml('vCard', 'vcard-temp');
  for (const to of [house.contact('alice'), `${house.contact('alice')}/calendar`]) {
    const answer = await bob.request(xml('iq', { type: 'get', to }, vcard()));
    expect(answer.getChild('vCard', 'vcard-temp')?.getChildText('FN')).toBe('Alice Smith');
  }
  const asked = carol.request(xml('iq', { type: 'get', to: house.contact('alice') }, vcard()));
  await expect(asked).rejects.toMatchObject({ condition: 'item-not-found' });
});
