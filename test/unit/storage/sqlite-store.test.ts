import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrations } from '../../../adapters/storage/migrations/schema.ts';
import { openDatabase } from '../../../adapters/storage/sqlite-database.ts';
import { SqliteEngine } from '../../../adapters/storage/sqlite-engine.ts';
import { openSqliteStore, SqliteStore } from '../../../adapters/storage/sqlite-store.ts';
import type { RemoteEngine } from '../../../adapters/storage/sqlite-thread.ts';
import { StorageError } from '../../../adapters/storage/storage-error.ts';
import { buildTimeline } from '../../../component/calendar/timeline.ts';
import { HOUR } from '../../../component/runtime/clock.ts';
import type { Logger } from '../../../component/runtime/logger.ts';
import type { SubscriptionRow } from '../../../component/subscription/subscription-store.ts';
import { allOf, subscriptionsIn } from '../../contract/every-store.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';

let folder: TempFolder;
let file: string;
const open: SqliteStore[] = [];
beforeEach(() => {
  folder = makeTempFolder();
  file = folder.file('gateway.db');
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((store) => store.close()));
  folder.remove();
});

async function openStore(logger: Logger = new RecordingLogger()): Promise<SqliteStore> {
  const store = await openSqliteStore({ file, logger });
  open.push(store);
  return store;
}

async function closeStore(store: SqliteStore): Promise<void> {
  open.splice(open.indexOf(store), 1);
  await store.close();
}

/** A store whose engine runs in this thread, so that the test can reach its connection. */
function openHere(): { store: SqliteStore; exec(sql: string): void; pages(): number } {
  const database = openDatabase(file, migrations);
  const engine = new SqliteEngine(database);
  const remote: RemoteEngine = {
    commit: async (changes) => engine.commit(changes),
    page: async (table, after, limit) => engine.page(table, after, limit),
    close: async () => engine.close(),
    abandon: () => {},
    ended: new Promise(() => {}),
  };
  const store = new SqliteStore(remote);
  open.push(store);
  return {
    store,
    exec: (sql) => database.db.exec(sql),
    pages: () => (database.db.prepare('PRAGMA page_count').get() as { page_count: number }).page_count,
  };
}

const now = 1_790_000_000_000;
const row = (watcher: string): SubscriptionRow => ({ contact: 'alice', watcher, state: 'subscribed', since: now });
const timeline = buildTimeline(
  Array.from({ length: 20 }, (_, i) => ({ start: now + 2 * i * HOUR, end: now + (2 * i + 1) * HOUR, status: 'Busy' })),
  { start: now - HOUR, end: now + 48 * HOUR },
  now,
);
const mailboxes = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ mailbox: `mailbox-${i}@example.com`, timeline, goneSince: undefined }));

test('everything that was saved is there after closing and opening again', async () => {
  const store = await openStore();
  await store.saveSubscription(row('bob@example.com'));
  await store.saveTimelines(mailboxes(1));
  await store.saveSaid([{ contact: 'alice', said: 'unavailable' }]);
  await closeStore(store);
  expect(existsSync(`${file}-wal`)).toBe(false);
  const again = await openStore();
  expect(await subscriptionsIn(again)).toMatchObject([{ watcher: 'bob@example.com' }]);
  expect(await allOf(again.loadTimelines())).toStrictEqual(mailboxes(1));
  expect(await allOf(again.loadSaid())).toEqual([{ contact: 'alice', said: 'unavailable' }]);
});

test('closing keeps what was saved before, without being waited for', async () => {
  const store = await openStore();
  const saves = [store.saveTimelines(mailboxes(2_000)), store.saveSubscription(row('bob@example.com'))];
  await closeStore(store);
  await Promise.all(saves);
  const again = await openStore();
  expect(await allOf(again.loadTimelines())).toHaveLength(2_000);
  expect(await subscriptionsIn(again)).toHaveLength(1);
});

test('a closed store refuses to save and to load, and may be closed again', async () => {
  const store = await openStore();
  await closeStore(store);
  await store.close();
  await expect(store.saveSubscription(row('bob@example.com'))).rejects.toMatchObject({ kind: 'closed' });
  await expect(allOf(store.loadSubscriptions())).rejects.toMatchObject({ name: 'StorageError', kind: 'closed' });
});

test('a second store on the same file is refused until the first is closed', async () => {
  const store = await openStore();
  const second = openSqliteStore({ file, logger: new RecordingLogger() });
  await expect(second).rejects.toBeInstanceOf(StorageError);
  await expect(second).rejects.toMatchObject({ kind: 'in-use', message: expect.stringContaining('Another gateway') });
  await closeStore(store);
  await openStore();
});

test('why a database was refused comes out of the thread whole', async () => {
  writeFileSync(file, 'no database '.repeat(1_000));
  const refused = openSqliteStore({ file, logger: new RecordingLogger() });
  await expect(refused).rejects.toBeInstanceOf(StorageError);
  await expect(refused).rejects.toMatchObject({ kind: 'corrupt', code: 26, message: expect.stringContaining(file) });
});

test('the log says once that a database was created', async () => {
  const logger = new RecordingLogger();
  await closeStore(await openStore(logger));
  await closeStore(await openStore(logger));
  expect(logger.entries).toEqual([{ level: 'info', message: 'Created the database', fields: { file } }]);
});

test('a full disk refuses the save; the store lives on and saves again when there is room', async () => {
  const { store, exec, pages } = openHere();
  await store.saveSubscription(row('bob@example.com'));
  exec(`PRAGMA max_page_count = ${pages()}`);
  const refused = store.saveTimelines(mailboxes(400));
  await expect(refused).rejects.toBeInstanceOf(StorageError);
  await expect(refused).rejects.toMatchObject({ kind: 'full', message: expect.stringContaining(file) });
  expect(await allOf(store.loadTimelines())).toEqual([]);
  expect(await subscriptionsIn(store)).toMatchObject([{ watcher: 'bob@example.com' }]);
  await store.deleteSubscription(row('bob@example.com'));
  await store.saveSubscription(row('carol@example.com'));
  exec('PRAGMA max_page_count = 1000000');
  await store.saveTimelines(mailboxes(400));
  expect(await allOf(store.loadTimelines())).toHaveLength(400);
  expect(await subscriptionsIn(store)).toMatchObject([{ watcher: 'carol@example.com' }]);
});

test('a database that has become read-only refuses the save; the store lives on', async () => {
  const { store, exec } = openHere();
  exec('PRAGMA query_only = ON');
  await expect(store.saveSubscription(row('bob@example.com'))).rejects.toMatchObject({ kind: 'failed', code: 8 });
  exec('PRAGMA query_only = OFF');
  await store.saveSubscription(row('bob@example.com'));
  expect(await subscriptionsIn(store)).toMatchObject([{ watcher: 'bob@example.com' }]);
});

test('a failing statement refuses its whole transaction, and the thread lives on', async () => {
  const store = await openStore();
  const other = new DatabaseSync(file);
  other.exec('ALTER TABLE said RENAME TO hidden');
  const refused = store.saveSaid([{ contact: 'alice', said: 'unavailable' }]);
  await expect(refused).rejects.toBeInstanceOf(StorageError);
  await expect(refused).rejects.toMatchObject({ kind: 'failed', message: expect.stringContaining('no such table') });
  other.exec('ALTER TABLE hidden RENAME TO said');
  other.close();
  await store.saveSaid([{ contact: 'alice', said: 'unavailable' }]);
  expect(await allOf(store.loadSaid())).toHaveLength(1);
});

test('a value that the schema forbids is refused alone', async () => {
  const store = await openStore();
  const [good, bad, undated, also] = await Promise.allSettled([
    store.saveSubscription(row('bob@example.com')),
    store.saveSubscription({ ...row('mallory@example.com'), state: 'denied' as 'pending' }),
    store.saveSubscription({ ...row('trent@example.com'), since: Number.NaN }),
    store.saveSubscription(row('carol@example.com')),
  ]);
  expect([good.status, bad.status, undated.status, also.status]).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
    'fulfilled',
  ]);
  expect(bad).toMatchObject({ reason: { kind: 'failed', message: expect.stringContaining('CHECK constraint') } });
  expect(await subscriptionsIn(store)).toMatchObject([
    { watcher: 'bob@example.com' },
    { watcher: 'carol@example.com' },
  ]);
});

test('a commit that waits does not hold the event loop', async () => {
  const store = await openStore();
  const other = new DatabaseSync(file);
  other.exec('BEGIN IMMEDIATE');
  let isSaved = false;
  const saved = store.saveSubscription(row('bob@example.com')).then(() => {
    isSaved = true;
  });
  await wait(50);
  expect(isSaved).toBe(false);
  // Were the commit made in this thread, this would come too late for it.
  other.exec('COMMIT');
  other.close();
  await saved;
});

test('thousands of rows are saved and loaded in small pieces, and others have their turn between them', async () => {
  const store = await openStore();
  let turns = 0;
  let counting = true;
  const count = () => {
    turns++;
    if (counting) setImmediate(count);
  };
  setImmediate(count);
  await store.saveTimelines(mailboxes(10_000));
  expect(turns).toBeGreaterThanOrEqual(20);
  turns = 0;
  let largest = 0;
  for await (const chunk of store.loadTimelines()) largest = Math.max(largest, chunk.length);
  counting = false;
  expect(turns).toBeGreaterThanOrEqual(20);
  expect(largest).toBe(250);
}, 20_000);

test('no file is left beside the database but its lock', async () => {
  await closeStore(await openStore());
  expect(readdirSync(folder.path).sort()).toEqual(['gateway.db', 'gateway.db.lock']);
});
