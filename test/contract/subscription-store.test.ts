import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SubscriptionRow } from '../../component/subscription/subscription-store.ts';
import { type AnyStore, type StoreFactory, storeFactories, subscriptionsIn } from './every-store.ts';

type Row = Omit<SubscriptionRow, 'since'>;

for (const [name, factory] of Object.entries(storeFactories)) {
  describe(`subscriptions ${name}`, () => subscriptionStoreContract(factory));
}

function subscriptionStoreContract(factory: StoreFactory): void {
  let store: AnyStore;
  let remove: () => Promise<void>;
  beforeEach(async () => {
    ({ store, remove } = await factory());
  });
  afterEach(() => remove());

  const bob: Row = { contact: 'alice', watcher: 'bob@example.com', state: 'pending' };
  const save = (row: Row) => store.saveSubscription({ ...row, since: 1_790_000_000_000 });
  const loaded = async () => (await subscriptionsIn(store)).sort(byKey);

  test('a new store has no subscriptions', async () => {
    expect(await loaded()).toEqual([]);
  });

  test('a saved subscription is loaded as it was saved', async () => {
    await save(bob);
    expect(await loaded()).toEqual([bob]);
  });

  test('saving a subscription again replaces it', async () => {
    await save(bob);
    const accepted: Row = { ...bob, state: 'subscribed' };
    await save(accepted);
    expect(await loaded()).toEqual([accepted]);
  });

  test('a deleted subscription is gone, and only that one', async () => {
    const sameContact = { ...bob, watcher: 'carol@example.com' };
    const sameWatcher = { ...bob, contact: 'dave' };
    for (const row of [bob, sameContact, sameWatcher]) await save(row);
    await store.deleteSubscription({ contact: bob.contact, watcher: bob.watcher });
    expect(await loaded()).toEqual([sameContact, sameWatcher].sort(byKey));
  });

  test('deleting a subscription that is not there is no error', async () => {
    await expect(store.deleteSubscription(bob)).resolves.toBeUndefined();
  });

  test('changes that do not wait for each other are applied in the order of the calls', async () => {
    const carol = { ...bob, watcher: 'carol@example.com' };
    const accepted: Row = { ...carol, state: 'subscribed' };
    await Promise.all([
      save(bob),
      store.deleteSubscription(bob),
      store.deleteSubscription(carol),
      save(carol),
      save(accepted),
    ]);
    expect(await loaded()).toEqual([accepted]);
  });

  test('contacts and watchers are kept to the letter', async () => {
    const rows: Row[] = [
      { ...bob, contact: "o\\27brien\\40corp.com'; DROP TABLE subscriptions; --" },
      { ...bob, contact: 'жанна', watcher: 'ünïcode@пример.example' },
      { ...bob, contact: '😀', watcher: '"quoted"@example.com' },
      { ...bob, contact: 'a b', watcher: 'c' },
      { ...bob, contact: 'a', watcher: 'b c' },
      { ...bob, contact: '', watcher: 'domain@example.com' },
    ];
    await Promise.all(rows.map((row) => save(row)));
    expect(await loaded()).toEqual(rows.sort(byKey));
  });

  test('thousands of subscriptions are loaded in several chunks, each row once', async () => {
    const rows = Array.from({ length: 11_000 }, (_, i) => ({
      ...bob,
      contact: `contact-${i % 50}`,
      watcher: `watcher-${i}@example.com`,
    }));
    await Promise.all(rows.map((row) => save(row)));
    let chunks = 0;
    for await (const chunk of store.loadSubscriptions()) {
      expect(chunk.length).toBeGreaterThan(0);
      chunks++;
    }
    expect(chunks).toBeGreaterThan(1);
    expect(await loaded()).toEqual(rows.sort(byKey));
  });

  test('what is saved between two chunks of a load harms neither', async () => {
    const rows = Array.from({ length: 1_500 }, (_, i) => ({ ...bob, watcher: `watcher-${i}@example.com` }));
    await Promise.all(rows.map((row) => save(row)));
    const seen: Row[] = [];
    for await (const chunk of store.loadSubscriptions()) {
      for (const { contact, pending } of chunk) seen.push(...pending.map((watcher) => ({ ...bob, contact, watcher })));
      await save({ ...bob, contact: `added-${seen.length}` });
    }
    const once = new Set(seen.map((row) => JSON.stringify(row)));
    expect(rows.filter((row) => !once.has(JSON.stringify(row)))).toEqual([]);
    expect(once.size).toBe(seen.length);
  });
}

function byKey(a: Row, b: Row): number {
  const [keyA, keyB] = [JSON.stringify(a), JSON.stringify(b)];
  return keyA < keyB ? -1 : keyA > keyB ? 1 : 0;
}
