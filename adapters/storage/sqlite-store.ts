import type { MailboxRecord, TimelineStore } from '../../component/calendar/timeline-store.ts';
import type { ContactLocal, Mailbox } from '../../component/directory/directory.ts';
import type { SaidRecord, SaidStore } from '../../component/presence/said-store.ts';
import type { Logger } from '../../component/runtime/logger.ts';
import type {
  ContactWatchers,
  SubscriptionKey,
  SubscriptionRow,
  SubscriptionStore,
} from '../../component/subscription/subscription-store.ts';
import { GroupCommit } from './group-commit.ts';
import { pageKey, type SqlRow, type TableName } from './sqlite-engine.ts';
import { type RemoteEngine, SqliteThread } from './sqlite-thread.ts';
import { StorageError } from './storage-error.ts';
import { MailboxUnpacker, packMailbox } from './timeline-row.ts';

export type SqliteStoreOptions = {
  /** The database's path. Its folder must exist; the file is created when there is none. */
  readonly file: string;
  readonly logger: Logger;
};

/** Rows a chunk or a transaction: 250 timelines take the event loop 2 to 3 ms, and the disk as much. */
const CHUNK = 250;
/** Rows a chunk where ten of them are hardly more than one. */
const SUBSCRIPTIONS = 5_000;
const LANE_LIMIT = 20_000;
/** Above what a busy disk takes, and below the patience of whoever waits for an answer. */
const COMMIT_LIMIT = 20_000;
const CLOSE_LIMIT = 10_000;

/**
 * Opens the store, brings its schema up to date, and holds it against other gateways until `close`.
 *
 * @throws StorageError, whose message says which file and what to do
 */
export async function openSqliteStore({ file, logger }: SqliteStoreOptions): Promise<SqliteStore> {
  const { thread, report } = await SqliteThread.open(file);
  if (report.from === 0) logger.info('Created the database', { file: report.file });
  else if (report.from < report.to) logger.info('Brought the database to this version', report);
  return new SqliteStore(thread);
}

/** All that the gateway keeps, in one SQLite file. Everything it throws is a StorageError. */
export class SqliteStore implements SubscriptionStore, TimelineStore, SaidStore {
  readonly #engine: RemoteEngine;
  readonly #commits: GroupCommit;
  #closed: Promise<void> | undefined;

  constructor(engine: RemoteEngine) {
    this.#engine = engine;
    this.#commits = new GroupCommit({
      commit: (changes) => engine.commit(changes),
      groupSize: CHUNK,
      laneLimit: LANE_LIMIT,
      commitLimit: COMMIT_LIMIT,
    });
  }

  /**
   * Resolves when the thread that owns the database has ended, with the reason: before `close` an accident, and with
   * the thread went the lock, so that another gateway may have the file by now.
   */
  get lost(): Promise<StorageError> {
    return this.#engine.ended;
  }

  async *loadSubscriptions(): AsyncIterable<readonly ContactWatchers[]> {
    for await (const rows of this.#pages('subscriptions', SUBSCRIPTIONS)) yield rows.map(toContactWatchers);
  }

  saveSubscription({ contact, watcher, state, since }: SubscriptionRow): Promise<void> {
    return this.#commits.add('durable', 1, () => ['saveSubscription', contact, watcher, state, since]);
  }

  deleteSubscription({ contact, watcher }: SubscriptionKey): Promise<void> {
    return this.#commits.add('durable', 1, () => ['deleteSubscription', contact, watcher]);
  }

  async *loadTimelines(): AsyncIterable<readonly MailboxRecord[]> {
    const unpacker = new MailboxUnpacker();
    for await (const rows of this.#pages('mailboxes')) yield rows.map((row) => unpacker.unpack(row));
  }

  saveTimelines(records: readonly MailboxRecord[]): Promise<void> {
    return this.#commits.add('bulk', records.length, (i) => [
      'saveTimeline',
      ...packMailbox(records[i] as MailboxRecord),
    ]);
  }

  deleteTimelines(mailboxes: readonly Mailbox[]): Promise<void> {
    return this.#commits.add('bulk', mailboxes.length, (i) => ['deleteTimeline', mailboxes[i] as Mailbox]);
  }

  async *loadSaid(): AsyncIterable<readonly SaidRecord[]> {
    for await (const rows of this.#pages('said')) yield rows.map(toSaid);
  }

  saveSaid(records: readonly SaidRecord[]): Promise<void> {
    return this.#commits.add('bulk', records.length, (i) => {
      const { contact, said } = records[i] as SaidRecord;
      return ['saveSaid', contact, said];
    });
  }

  deleteSaid(contacts: readonly ContactLocal[]): Promise<void> {
    return this.#commits.add('bulk', contacts.length, (i) => ['deleteSaid', contacts[i] as ContactLocal]);
  }

  /**
   * Commits what was saved before, then closes the file and gives up its lock.
   *
   * @throws StorageError `timeout` when the disk does not let it, after 10 seconds
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    let overdue: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      const late = () => reject(new StorageError('timeout', `The disk did not answer within ${CLOSE_LIMIT} ms`));
      overdue = setTimeout(late, CLOSE_LIMIT);
    });
    const closed = this.#commits.close().then(() => this.#engine.close());
    try {
      await Promise.race([closed, limit]);
    } catch (error) {
      // Else the thread would keep the process for as long as there is something left to try.
      this.#engine.abandon();
      throw error;
    } finally {
      clearTimeout(overdue);
    }
  }

  /** A table's rows in the order of its key. Rows that are saved meanwhile come if they lie ahead. */
  async *#pages(table: TableName, limit = CHUNK): AsyncIterable<readonly SqlRow[]> {
    let page = this.#engine.page(table, undefined, limit);
    for (;;) {
      const rows = await page;
      const last = rows.at(-1);
      if (last === undefined) return;
      // The thread fetches the next one while this one is being taken in.
      page = this.#engine.page(table, pageKey(table, last), limit);
      // Who stops half-way does not ask how it went.
      page.catch(() => {});
      yield rows;
    }
  }
}

function toContactWatchers(row: SqlRow): ContactWatchers {
  const [contact, , subscribed, pending] = row as [string, string, string, string];
  return { contact, subscribed: JSON.parse(subscribed) as string[], pending: JSON.parse(pending) as string[] };
}

function toSaid(row: SqlRow): SaidRecord {
  const [contact, said] = row as [string, string];
  return { contact, said };
}
