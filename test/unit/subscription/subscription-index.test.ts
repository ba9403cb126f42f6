import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Standing } from '../../../component/subscription/subscription.ts';
import { SubscriptionIndex } from '../../../component/subscription/subscription-index.ts';

const standings: readonly Standing[] = ['none', 'pending', 'subscribed'];

test('says after any changes what a plain table says', () => {
  const name = fc.nat(5).map(String);
  const change = fc.tuple(name, name, fc.constantFrom(...standings));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 100 }), (changes) => {
      const index = new SubscriptionIndex();
      const table = new Map<string, Standing>();
      for (const [contact, watcher, standing] of changes) {
        index.set(contact, watcher, standing);
        table.delete(`${contact} ${watcher}`);
        if (standing !== 'none') table.set(`${contact} ${watcher}`, standing);
      }
      const rows = [...table].map(([key, standing]) => [...key.split(' '), standing] as [string, string, Standing]);
      for (let i = 0; i <= 5; i++) {
        const one = String(i);
        for (const state of ['pending', 'subscribed'] as const) {
          const watchers = rows.filter(([contact, , standing]) => contact === one && standing === state);
          expect([...index.watchers(one, state)].sort()).toEqual(watchers.map(([, watcher]) => watcher).sort());
        }
        const contacts = rows.filter(([, watcher]) => watcher === one).map(([contact]) => contact);
        expect([...index.contactsOf(one)].sort()).toEqual(contacts.sort());
        expect(index.count(one)).toBe(contacts.length);
        expect(index.hasContact(one)).toBe(rows.some(([contact]) => contact === one));
        for (let j = 0; j <= 5; j++) {
          expect(index.standing(one, String(j))).toBe(table.get(`${one} ${j}`) ?? 'none');
        }
      }
      expect([...index.contacts()].sort()).toEqual([...new Set(rows.map(([contact]) => contact))].sort());
    }),
  );
});
