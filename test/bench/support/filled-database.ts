import { DatabaseSync } from '@photostructure/sqlite';
import { openSqliteStore } from '../../../adapters/storage/sqlite-store.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

export type Watching = { readonly contact: string; readonly watcher: string };

/** Makes a gateway's database that holds these subscriptions, as an earlier run would have left it. */
export async function fillDatabase(file: string, subscriptions: Iterable<Watching>): Promise<void> {
  const store = await openSqliteStore({ file, logger: new RecordingLogger() });
  await store.close();
  const database = new DatabaseSync(file);
  const insert = database.prepare(
    "INSERT INTO subscriptions (contact, watcher, state, since) VALUES (?, ?, 'subscribed', ?)",
  );
  const since = Date.now();
  database.exec('BEGIN');
  for (const { contact, watcher } of subscriptions) insert.run(contact, watcher, since);
  database.exec('COMMIT');
  database.close();
}
