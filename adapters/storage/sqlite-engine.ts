import type { StatementSyncInstance } from '@photostructure/sqlite';
import { migrations } from './migrations/schema.ts';
import { type OpenDatabase, type OpenReport, openDatabase } from './sqlite-database.ts';
import { isRowFault, storageErrorOf } from './sqlite-failure.ts';
import { type PlainStorageError, toPlainStorageError } from './storage-error.ts';

type SqlValue = string | number | null;
export type SqlRow = readonly SqlValue[];

const changeSql = {
  saveSubscription: `INSERT INTO subscriptions (contact, watcher, state, since) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET state = excluded.state, since = excluded.since`,
  deleteSubscription: 'DELETE FROM subscriptions WHERE contact = ? AND watcher = ?',
  saveTimeline: `INSERT INTO mailboxes (mailbox, fetched_at, ends_at, steps, gone_since, hours) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET fetched_at = excluded.fetched_at, ends_at = excluded.ends_at, steps = excluded.steps, hours = excluded.hours,
      gone_since = excluded.gone_since`,
  deleteTimeline: 'DELETE FROM mailboxes WHERE mailbox = ?',
  saveSaid: `INSERT INTO said (contact, said) VALUES (?, ?)
    ON CONFLICT DO UPDATE SET said = excluded.said`,
  deleteSaid: 'DELETE FROM said WHERE contact = ?',
} as const;

/** A statement's name and its values, in the order of its question marks. */
export type Change = readonly [statement: keyof typeof changeSql, ...values: SqlValue[]];

type Table = {
  readonly columns: string;
  readonly key: readonly string[];
  /** What is made of a page's rows; undefined: they are given as they are. */
  readonly aggregate?: string;
};

const tables = {
  // By contact: a million rows one by one took as many calls of SQLite, and four values each on the way to the main
  // thread; like this they are there in a fourth of the time (measured).
  subscriptions: {
    columns: 'contact, watcher, state',
    key: ['contact', 'watcher'],
    aggregate: `SELECT contact, max(watcher),
      json_group_array(watcher) FILTER (WHERE state = 'subscribed'), json_group_array(watcher) FILTER (WHERE state = 'pending')
      FROM page GROUP BY contact ORDER BY contact`,
  },
  mailboxes: { columns: 'mailbox, fetched_at, ends_at, steps, gone_since, hours', key: ['mailbox'] },
  said: { columns: 'contact, said', key: ['contact'] },
} as const satisfies Record<string, Table>;

export type TableName = keyof typeof tables;

/** The key of the last row of a page, to ask for the next one: it stands in its first columns. */
export function pageKey(table: TableName, row: SqlRow): SqlRow {
  return row.slice(0, tables[table].key.length);
}

/** A change that was left out of a commit because of its own values: its place in the group, and why. */
export type RowFault = { readonly index: number; readonly error: PlainStorageError };

/** The database's statements, executed in the thread that calls. Everything it throws is a StorageError. */
export class SqliteEngine {
  readonly #database: OpenDatabase;
  readonly #statements = new Map<string, StatementSyncInstance>();

  constructor(database: OpenDatabase) {
    this.#database = database;
  }

  static open(file: string): SqliteEngine {
    return new SqliteEngine(openDatabase(file, migrations));
  }

  get report(): OpenReport {
    return this.#database.report;
  }

  /**
   * Applies the changes in one transaction and returns when it is on the disk.
   *
   * @returns the changes that were left out because of their own values; the others are kept
   * @throws StorageError when none was kept
   */
  commit(changes: readonly Change[]): readonly RowFault[] {
    const { db } = this.#database;
    const faults: RowFault[] = [];
    try {
      db.exec('BEGIN IMMEDIATE');
      for (const [index, [name, ...values]] of changes.entries()) {
        try {
          this.#prepared(changeSql[name]).run(...values);
        } catch (error) {
          if (!isRowFault(error) || !db.isTransaction) throw error;
          faults.push({ index, error: toPlainStorageError(this.#errorOf(error)) });
        }
      }
      db.exec('COMMIT');
      return faults;
    } catch (error) {
      this.#rollBack();
      throw this.#errorOf(error);
    }
  }

  /** The next rows of a table in the order of its key, at most `limit` of them, from the first one after `after` on. */
  page(table: TableName, after: SqlRow | undefined, limit: number): readonly SqlRow[] {
    const { columns, key, aggregate }: Table = tables[table];
    const keys = key.join(', ');
    const from = after === undefined ? '' : `WHERE (${keys}) > (${key.map(() => '?').join(', ')})`;
    const page = `SELECT ${columns} FROM ${table} ${from} ORDER BY ${keys} LIMIT ?`;
    try {
      const statement = this.#prepared(aggregate === undefined ? page : `WITH page AS (${page}) ${aggregate}`);
      return statement.all(...(after ?? []), limit) as SqlRow[];
    } catch (error) {
      throw this.#errorOf(error);
    }
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #prepared(sql: string): StatementSyncInstance {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.db.prepare(sql);
    statement.setReturnArrays(true);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** SQLite ends the transaction itself after some errors (a full disk), and after others leaves it to us. */
  #rollBack(): void {
    const { db } = this.#database;
    try {
      if (db.isTransaction) db.exec('ROLLBACK');
    } catch {
      // The commit's error says more; the next BEGIN fails if this transaction is really stuck.
    }
  }

  #errorOf(error: unknown) {
    return storageErrorOf(this.report.file, error);
  }
}
