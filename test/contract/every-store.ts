import { openSqliteStore } from '../../adapters/storage/sqlite-store.ts';
import type { TimelineStore } from '../../component/calendar/timeline-store.ts';
import type { SaidStore } from '../../component/presence/said-store.ts';
import type { SubscriptionRow, SubscriptionStore } from '../../component/subscription/subscription-store.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

/** An empty store that implements every port of its kind. */
export type AnyStore = SubscriptionStore & TimelineStore & SaidStore & { close(): Promise<void> };

/** Makes an empty store; `remove` closes it and leaves nothing behind. */
export type StoreFactory = () => Promise<{ readonly store: AnyStore; remove(): Promise<void> }>;

export const storeFactories: Readonly<Record<string, StoreFactory>> = {
  'in memory': async () => {
    const store = new MemoryStore();
    return { store, remove: () => store.close() };
  },
  'in SQLite': async () => {
    const folder = makeTempFolder();
    const store = await openSqliteStore({ file: folder.file('gateway.db'), logger: new RecordingLogger() });
    const remove = async () => {
      await store.close();
      folder.remove();
    };
    return { store, remove };
  },
};

/** All subscriptions of a store, one by one. */
export async function subscriptionsIn(store: SubscriptionStore): Promise<Omit<SubscriptionRow, 'since'>[]> {
  const all = await allOf(store.loadSubscriptions());
  return all.flatMap(({ contact, ...watchers }) =>
    (['subscribed', 'pending'] as const).flatMap((state) =>
      watchers[state].map((watcher) => ({ contact, watcher, state })),
    ),
  );
}

/** Everything that an async iterable of chunks yields, in one array. */
export async function allOf<Row>(chunks: AsyncIterable<readonly Row[]>): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const chunk of chunks) rows.push(...chunk);
  return rows;
}
