import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Look, presenceKey, UNKNOWN } from '../../component/presence/presence.ts';
import { type AnyStore, allOf, type StoreFactory, storeFactories } from './every-store.ts';

for (const [name, factory] of Object.entries(storeFactories)) {
  describe(`what was said ${name}`, () => saidStoreContract(factory));
}

function saidStoreContract(factory: StoreFactory): void {
  let store: AnyStore;
  let remove: () => Promise<void>;
  beforeEach(async () => {
    ({ store, remove } = await factory());
  });
  afterEach(() => remove());

  const look: Look = { available: true, show: 'dnd', status: { en: 'In a meeting', de: 'In einer "Besprechung"' } };
  const inMeeting = presenceKey({ ...UNKNOWN, look });
  const loaded = async () => {
    const records = await allOf(store.loadSaid());
    return records.sort((a, b) => (a.contact < b.contact ? -1 : 1));
  };

  test('a new store has nothing that was said', async () => {
    expect(await loaded()).toEqual([]);
  });

  test('what was said last of each contact is loaded', async () => {
    await store.saveSaid([
      { contact: 'alice', said: inMeeting },
      { contact: 'bob', said: inMeeting },
    ]);
    await store.saveSaid([{ contact: 'alice', said: presenceKey(UNKNOWN) }]);
    expect(await loaded()).toEqual([
      { contact: 'alice', said: 'unavailable' },
      { contact: 'bob', said: inMeeting },
    ]);
  });

  test('saves that do not wait for each other are applied in the order of the calls', async () => {
    const saves = Array.from({ length: 20 }, (_, i) => store.saveSaid([{ contact: 'alice', said: String(i) }]));
    await Promise.all(saves);
    expect(await loaded()).toEqual([{ contact: 'alice', said: '19' }]);
  });

  test('what is forgotten is gone, and forgetting what was never said is no error', async () => {
    await store.saveSaid([
      { contact: 'alice', said: inMeeting },
      { contact: 'bob', said: inMeeting },
    ]);
    await store.deleteSaid(['alice', 'nobody']);
    expect(await loaded()).toEqual([{ contact: 'bob', said: inMeeting }]);
  });

  test('nothing to save: done', async () => {
    await store.saveSaid([]);
    expect(await loaded()).toEqual([]);
  });

  test('thousands of records are loaded, each once', async () => {
    const records = Array.from({ length: 1_234 }, (_, i) => ({
      contact: `c${String(i).padStart(5, '0')}`,
      said: inMeeting,
    }));
    await store.saveSaid(records);
    expect(await loaded()).toEqual(records);
  });
}
