import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from '@photostructure/sqlite';
import type { BareJid } from '../../component/subscription/bare-jid.ts';
import type { SubscriptionRow } from '../../component/subscription/subscription-store.ts';
import { migrations } from './migrations/schema.ts';
import { openDatabase } from './sqlite-database.ts';
import { storageErrorOf } from './sqlite-failure.ts';
import { StorageError } from './storage-error.ts';
import { openForReading } from './subscription-reader.ts';

export type ImportCounts = {
  readonly added: number;
  /** Rows that were in the database before. They are left as they are. */
  readonly present: number;
};

/** A row that is one too many for its watcher. */
export type Excess = { readonly position: number; readonly watcher: BareJid };

/**
 * Many subscriptions for a database that no gateway is using, all of them or none: they are gathered in a table of
 * SQLite's own temporary file, so that memory is bounded, and put into the database in one transaction.
 *
 * Synchronous, in the thread that calls. Everything it throws is a StorageError.
 */
export class SubscriptionImport {
  readonly #file: string;
  readonly #db: DatabaseSyncInstance;
  readonly #close: () => void;
  readonly #insert: StatementSyncInstance;
  readonly #find: StatementSyncInstance;
  #count = 0;

  private constructor(file: string, db: DatabaseSyncInstance, close: () => void) {
    this.#file = file;
    this.#db = db;
    this.#close = close;
    db.exec(`
      PRAGMA temp_store = FILE;
      PRAGMA temp.cache_size = -${CACHE_KIB};
      PRAGMA main.cache_size = -${CACHE_KIB};
      CREATE TEMP TABLE gathered (
        contact TEXT, watcher TEXT, state TEXT, since INTEGER, position INTEGER, PRIMARY KEY (contact, watcher)
      ) WITHOUT ROWID;
      CREATE TEMP TABLE beyond (position INTEGER PRIMARY KEY, watcher TEXT);
      BEGIN`);
    this.#insert = db.prepare('INSERT INTO gathered VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING');
    this.#find = db.prepare('SELECT position FROM gathered WHERE contact = ? AND watcher = ?');
  }

  /** Opens the database, and holds it against gateways until `close`; creates or migrates it as a gateway would. */
  static open(file: string): SubscriptionImport {
    const { db, close } = openDatabase(file, migrations);
    return SubscriptionImport.#open(file, db, close);
  }

  /** For a rehearsal: changes nothing, so that a gateway may be using the database, or there may be none. */
  static rehearse(file: string): SubscriptionImport {
    const db = openOrImagine(file);
    return SubscriptionImport.#open(file, db, () => db.close());
  }

  static #open(file: string, db: DatabaseSyncInstance, close: () => void): SubscriptionImport {
    try {
      return new SubscriptionImport(file, db, close);
    } catch (error) {
      close();
      throw storageErrorOf(file, error);
    }
  }

  /**
   * Gathers a row.
   *
   * @param position where it stands; each row has its own, from 1
   * @returns the position of an earlier row with the same contact and watcher: this one is left out
   */
  add({ contact, watcher, state, since }: SubscriptionRow, position: number): number | undefined {
    return this.#try(() => {
      if (Number(this.#insert.run(contact, watcher, state, since, position).changes) > 0) {
        this.#count++;
        return undefined;
      }
      const { position: earlier } = this.#find.get(contact, watcher) as { position: number };
      return earlier;
    });
  }

  /** Leaves out what would give a watcher more than `most` subscriptions, and says what that was, by position. */
  *leaveOutBeyond(most: number): Generator<Excess> {
    const page = this.#try(() => {
      this.#db.prepare(beyondSql).run(most);
      const left = this.#db.prepare('DELETE FROM gathered WHERE position IN (SELECT position FROM beyond)').run();
      this.#count -= Number(left.changes);
      return this.#db.prepare('SELECT position, watcher FROM beyond WHERE position > ? ORDER BY position LIMIT 1000');
    });
    for (let after = 0; ; ) {
      const some = this.#try(() => page.all(after) as Excess[]);
      const last = some.at(-1);
      if (last === undefined) return;
      yield* some;
      after = last.position;
    }
  }

  /** How many `keep` would add. */
  counts(): ImportCounts {
    return this.#try(() => {
      const { present } = this.#db
        .prepare('SELECT count(*) AS present FROM gathered JOIN subscriptions USING (contact, watcher)')
        .get() as { present: number };
      return { added: this.#count - present, present };
    });
  }

  /** Puts what was gathered into the database; returns when it is on the disk. */
  keep(): ImportCounts {
    return this.#try(() => {
      this.#db.exec('COMMIT; BEGIN IMMEDIATE');
      const { changes } = this.#db.prepare(keepSql).run();
      this.#db.exec('COMMIT');
      const added = Number(changes);
      return { added, present: this.#count - added };
    });
  }

  /** Gives up what was not kept, and the database. */
  close(): void {
    this.#try(() => {
      // A transaction outlives its connection until the garbage is collected (see `emptyWal`), and holds up others.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      this.#close();
    });
  }

  #try<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw storageErrorOf(this.#file, error);
    }
  }
}

/** Of each of the two files. */
const CACHE_KIB = 16 * 1024;

const keepSql = `
  INSERT INTO subscriptions (contact, watcher, state, since) SELECT contact, watcher, state, since FROM gathered
  WHERE true ON CONFLICT DO NOTHING`;

const beyondSql = `
  INSERT INTO beyond
  WITH had AS (SELECT watcher, count(*) AS had FROM subscriptions GROUP BY watcher),
    fresh AS (
      SELECT position, watcher, row_number() OVER (PARTITION BY watcher ORDER BY position) AS nth FROM gathered
      WHERE NOT EXISTS (
        SELECT 1 FROM subscriptions AS old WHERE old.contact = gathered.contact AND old.watcher = gathered.watcher
      )
    )
  SELECT position, watcher FROM fresh LEFT JOIN had USING (watcher) WHERE nth + coalesce(had, 0) > ?`;

function openOrImagine(file: string): DatabaseSyncInstance {
  try {
    return openForReading(file);
  } catch (error) {
    if (!(error instanceof StorageError && error.kind === 'missing')) throw storageErrorOf(file, error);
  }
  const db = new DatabaseSync(':memory:');
  for (const { sql } of migrations) db.exec(sql);
  return db;
}
