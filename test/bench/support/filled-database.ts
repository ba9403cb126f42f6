import { DatabaseSync } from '@photostructure/sqlite';
import { openSqliteStore } from '../../../adapters/storage/sqlite-store.ts';
import type { MailboxRecord } from '../../../component/calendar/timeline-store.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

export type Watching = { readonly contact: string; readonly watcher: string };

/** What an earlier run of a gateway left behind. */
export type EarlierRun = {
  readonly subscriptions: Iterable<Watching>;
  readonly mailboxes?: readonly MailboxRecord[] | undefined;
};

/** As many as the store takes at once. */
const CHUNK = 10_000;

/** Makes a gateway's database as an earlier run would have left it. */
export async function fillDatabase(file: string, { subscriptions, mailboxes = [] }: EarlierRun): Promise<void> {
  const store = await openSqliteStore({ file, logger: new RecordingLogger() });
  for (let from = 0; from < mailboxes.length; from += CHUNK) {
    await store.saveTimelines(mailboxes.slice(from, from + CHUNK));
  }
  await store.close();
  // A million rows one by one would take the store minutes.
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

/** Each of the watchers watches each of the contacts. */
export function* everyPair(contacts: readonly string[], watchers: readonly string[]): Generator<Watching> {
  for (const contact of contacts) for (const watcher of watchers) yield { contact, watcher };
}
