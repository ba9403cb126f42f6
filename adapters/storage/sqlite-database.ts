import { closeSync, existsSync, fsyncSync, openSync, realpathSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { createPrivately, lockDatabase } from './database-lock.ts';
import type { Migration } from './migrations/migration.ts';
import { damagedMessage, storageErrorOf } from './sqlite-failure.ts';
import { StorageError } from './storage-error.ts';

/** "PrGw": says in the file's header whose database it is (https://sqlite.org/pragma.html#pragma_application_id). */
export const APPLICATION_ID = 0x50724777;

/** How long a statement waits for another program's lock, an administrator's `sqlite3` say, in milliseconds. */
const BUSY_TIMEOUT = 5_000;

/** What opening a database did to it, for the log. */
export type OpenReport = {
  /** The database's path, links resolved. */
  readonly file: string;
  /** The schema version before; 0: the database is new. */
  readonly from: number;
  readonly to: number;
  /** Where the database's state before the migration is kept; undefined when there was nothing to keep. */
  readonly backup: string | undefined;
};

export type OpenDatabase = {
  readonly db: DatabaseSyncInstance;
  readonly report: OpenReport;
  /** Closes the database, then gives up its lock. */
  close(): void;
};

/**
 * Opens a database for this process alone and brings its schema up to date; creates it (mode 0600) when there is none.
 * An existing database is copied beside itself before it is migrated, and is left as it was when it is refused.
 *
 * @throws StorageError, whose message says which file and what to do
 */
export function openDatabase(file: string, migrations: readonly Migration[]): OpenDatabase {
  const path = resolvePath(file);
  const lock = lockDatabase(path);
  try {
    const from = createPrivately(path) ? 0 : examine(path, migrations.length);
    const { db, backup } = prepare(path, from, migrations);
    return {
      db,
      report: { file: path, from, to: migrations.length, backup },
      close: () => {
        emptyWal(db);
        db.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw storageErrorOf(path, error);
  }
}

/** The file's one true path, so that two names for one database meet at one lock. */
function resolvePath(file: string): string {
  const folder = dirname(file);
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new StorageError(
      'folder-missing',
      `The folder ${folder} for the database ${file} does not exist: create it, writable for the gateway's account`,
    );
  }
  return existsSync(file) ? realpathSync(file) : join(realpathSync(folder), basename(file));
}

/** Looks at an existing file without changing it and returns its schema version. */
function examine(file: string, latest: number): number {
  const db = openReadOnly(file);
  try {
    const version = schemaVersion(db, file, latest);
    // A heading that says which database, and below it the fault.
    const fault = version === 0 ? 'ok' : (String(pragma(db, 'quick_check(1)')).split('\n').at(-1) as string);
    if (fault !== 'ok') throw new StorageError('corrupt', damagedMessage(file, fault));
    return version;
  } finally {
    db.close();
  }
}

export function openReadOnly(file: string): DatabaseSyncInstance {
  return new DatabaseSync(file, { readOnly: true, timeout: BUSY_TIMEOUT });
}

/**
 * The schema version of a database of ours; 0: nothing is in it.
 *
 * @throws StorageError `not-ours`, `too-new`
 */
export function schemaVersion(db: DatabaseSyncInstance, file: string, latest: number): number {
  const applicationId = pragma(db, 'application_id');
  const version = userVersion(db);
  const isEmpty = db.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
  if (applicationId === 0 && version === 0 && isEmpty) return 0;
  if (applicationId !== APPLICATION_ID) {
    throw new StorageError(
      'not-ours',
      `${file} is another program's database. It was not changed. Name a file of the gateway's own`,
    );
  }
  if (version > latest) {
    throw new StorageError(
      'too-new',
      `${file} was written by a newer version of the gateway (schema ${version}; this one knows ${latest}). ` +
        'It was not changed. Install that version again, or put back the backup that it made beside the file',
    );
  }
  return version;
}

function prepare(file: string, from: number, migrations: readonly Migration[]) {
  const db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT });
  try {
    // FULL: a commit returns after the WAL reached the disk (https://sqlite.org/pragma.html#pragma_synchronous).
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    const backup = from > 0 && from < migrations.length ? backUp(db, file, from) : undefined;
    migrate(db, migrations);
    return { db, backup };
  } catch (error) {
    db.close();
    throw error;
  }
}

/** All that is missing, in one transaction: the schema is at its old version or at its new one, never between. */
function migrate(db: DatabaseSyncInstance, migrations: readonly Migration[]): void {
  if (userVersion(db) === migrations.length) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    // Read again under the write lock: had another migrated meanwhile, nothing would be left to do.
    for (const { sql } of migrations.slice(userVersion(db))) db.exec(sql);
    db.exec(`PRAGMA user_version = ${migrations.length}; PRAGMA application_id = ${APPLICATION_ID}; COMMIT`);
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** Copies the database to a file beside it, and that to the disk; returns the copy's path. */
function backUp(db: DatabaseSyncInstance, file: string, version: number): string {
  const name = `${file}.schema-${version}`;
  let copy = `${name}.bak`;
  for (let n = 2; !createPrivately(copy); n++) copy = `${name}.${n}.bak`;
  try {
    // Into an existing empty file, so that the copy has that file's mode.
    db.prepare('VACUUM INTO ?').run(copy);
  } catch (error) {
    rmSync(copy);
    throw error;
  }
  // VACUUM INTO leaves the copy in the page cache (https://sqlite.org/lang_vacuum.html).
  const descriptor = openSync(copy, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
  return copy;
}

/**
 * Copies the WAL into the file, which SQLite does by itself when a database is closed; but @photostructure/sqlite 1.2.1
 * closes it without finalising its statements, and then it stays half open until the garbage collector finds them.
 */
function emptyWal(db: DatabaseSyncInstance): void {
  try {
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // Nothing is lost: what could not be copied now is read from the WAL at the next start.
  }
}

function userVersion(db: DatabaseSyncInstance): number {
  return Number(pragma(db, 'user_version'));
}

function pragma(db: DatabaseSyncInstance, name: string): unknown {
  const row = db.prepare(`PRAGMA ${name}`).get() as Record<string, unknown> | undefined;
  return row === undefined ? undefined : Object.values(row)[0];
}
