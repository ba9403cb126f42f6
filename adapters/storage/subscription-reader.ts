import { existsSync } from 'node:fs';
import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import type { ContactLocal } from '../../component/directory/directory.ts';
import type { BareJid } from '../../component/subscription/bare-jid.ts';
import type { SubscriptionRow, SubscriptionState } from '../../component/subscription/subscription-store.ts';
import { migrations } from './migrations/schema.ts';
import { openReadOnly, schemaVersion } from './sqlite-database.ts';
import { storageErrorOf } from './sqlite-failure.ts';
import { StorageError } from './storage-error.ts';

/** Only the subscriptions of a contact, of a watcher, or of both. */
export type SubscriptionSelection = {
  readonly contact?: ContactLocal | undefined;
  readonly watcher?: BareJid | undefined;
};

const CHUNK = 1_000;

/**
 * Opens a database to look into it; a gateway may be using it.
 *
 * @throws StorageError, `missing` when there is none
 */
export function openForReading(file: string): DatabaseSyncInstance {
  if (!existsSync(file)) {
    throw new StorageError('missing', `There is no database ${file}: no gateway has run with this configuration yet`);
  }
  const db = openReadOnly(file);
  try {
    if (schemaVersion(db, file, migrations.length) > 0) return db;
    throw new StorageError('missing', `${file} is empty: no gateway has run with this configuration yet`);
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * The subscriptions of a database that a gateway may be using, in chunks, by contact and watcher.
 *
 * Each chunk is a transaction of its own: one for all would keep the gateway's WAL growing for as long as the reader
 * of a pipe takes. So each row is true at some time during the reading, and not all of them at the same.
 *
 * @throws StorageError
 */
export function* readSubscriptions(
  file: string,
  only: SubscriptionSelection = {},
): Generator<readonly SubscriptionRow[]> {
  let db: DatabaseSyncInstance | undefined;
  try {
    db = openForReading(file);
    const conditions = [
      '(contact, watcher) > (?, ?)',
      ...(only.contact === undefined ? [] : ['contact = ?']),
      ...(only.watcher === undefined ? [] : ['watcher = ?']),
    ];
    const page = db.prepare(
      `SELECT contact, watcher, state, since FROM subscriptions WHERE ${conditions.join(' AND ')}
        ORDER BY contact, watcher LIMIT ${CHUNK}`,
    );
    page.setReturnArrays(true);
    const values = [only.contact, only.watcher].filter((value) => value !== undefined);
    for (let after = [only.contact ?? '', '']; ; ) {
      const rows = (page.all(...after, ...values) as Row[]).map(toSubscription);
      const last = rows.at(-1);
      if (last === undefined) return;
      yield rows;
      if (rows.length < CHUNK) return;
      after = [last.contact, last.watcher];
    }
  } catch (error) {
    throw storageErrorOf(file, error);
  } finally {
    db?.close();
  }
}

type Row = [contact: string, watcher: string, state: SubscriptionState, since: number];

function toSubscription([contact, watcher, state, since]: Row): SubscriptionRow {
  return { contact, watcher, state, since };
}
