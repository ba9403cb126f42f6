import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SubscriptionRow } from '../../component/subscription/subscription-store.ts';
import { type AnyStore, allOf, type StoreFactory, storeFactories } from './every-store.ts';

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

  const bob: SubscriptionRow = {
    contact: 'alice',
    watcher: 'bob@example.com',
    state: 'pending',
    since: 1_790_000_000_000,
  };
  const loaded = async () => (await allOf(store.loadSubscriptions())).sort(byKey);

  test('a new store has no subscriptions', async () => {
    expect(await loaded()).toEqual([]);
  });

  test('a saved subscription is loaded as it was saved', async () => {
    await store.saveSubscription(bob);
    expect(await loaded()).toEqual([bob]);
  });

  test('saving a subscription again replaces it', async () => {
    await store.saveSubscription(bob);
    const accepted: SubscriptionRow = { ...bob, state: 'subscribed', since: bob.since + 1 };
    await store.saveSubscription(accepted);
    expect(await loaded()).toEqual([accepted]);
  });

  test('a deleted subscription is gone, and only that one', async () => {
    const sameContact = { ...bob, watcher: 'carol@example.com' };
    const sameWatcher = { ...bob, contact: 'dave' };
    for (const row of [bob, sameContact, sameWatcher]) await store.saveSubscription(row);
    await store.deleteSubscription({ contact: bob.contact, watcher: bob.watcher });
    expect(await loaded()).toEqual([sameContact, sameWatcher].sort(byKey));
  });

  test('deleting a subscription that is not there is no error', async () => {
    await expect(store.deleteSubscription(bob)).resolves.toBeUndefined();
  });

  test('changes that do not wait for each other are applied in the order of the calls', async () => {
    const carol = { ...bob, watcher: 'carol@example.com' };
    const accepted: SubscriptionRow = { ...carol, state: 'subscribed' };
    await Promise.all([
      store.saveSubscription(bob),
      store.deleteSubscription(bob),
      store.deleteSubscription(carol),
      store.saveSubscription(carol),
      store.saveSubscription(accepted),
    ]);
    expect(await loaded()).toEqual([accepted]);
  });

  test('contacts and watchers are kept to the letter', async () => {
    const rows: SubscriptionRow[] = [
      { ...bob, contact: "o\\27brien\\40corp.com'; DROP TABLE subscriptions; --" },
      { ...bob, contact: 'жанна', watcher: 'ünïcode@пример.example' },
      { ...bob, contact: '😀', watcher: '"quoted"@example.com' },
      { ...bob, contact: 'a b', watcher: 'c' },
      { ...bob, contact: 'a', watcher: 'b c' },
      { ...bob, contact: '', watcher: 'domain@example.com' },
    ];
    await Promise.all(rows.map((row) => store.saveSubscription(row)));
    expect(await loaded()).toEqual(rows.sort(byKey));
  });

  test('thousands of subscriptions are loaded in several chunks, each row once', async () => {
    const rows = Array.from({ length: 2_500 }, (_, i) => ({
      ...bob,
      contact: `contact-${i % 50}`,
      watcher: `watcher-${i}@example.com`,
      since: bob.since + i,
    }));
    await Promise.all(rows.map((row) => store.saveSubscription(row)));
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
    await Promise.all(rows.map((row) => store.saveSubscription(row)));
    const seen: SubscriptionRow[] = [];
    for await (const chunk of store.loadSubscriptions()) {
      seen.push(...chunk);
      await store.saveSubscription({ ...bob, contact: `added-${seen.length}` });
    }
    expect(seen).toEqual(expect.arrayContaining(rows));
    expect(new Set(seen.map((row) => JSON.stringify(row))).size).toBe(seen.length);
  });
}

function byKey(a: SubscriptionRow, b: SubscriptionRow): number {
  const [keyA, keyB] = [JSON.stringify(a), JSON.stringify(b)];
  return keyA < keyB ? -1 : keyA > keyB ? 1 : 0;
}
