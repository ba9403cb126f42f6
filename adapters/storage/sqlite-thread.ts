import { Worker } from 'node:worker_threads';
import type { OpenReport } from './sqlite-database.ts';
import type { Change, RowFault, SqlRow, TableName } from './sqlite-engine.ts';
import { fromPlainStorageError, type PlainStorageError, StorageError } from './storage-error.ts';

export type WorkerInput = { readonly file: string };

type Operation =
  | { readonly op: 'commit'; readonly changes: readonly Change[] }
  | { readonly op: 'page'; readonly table: TableName; readonly after: SqlRow | undefined; readonly limit: number }
  | { readonly op: 'close' };

export type Request = Operation & { readonly id: number };

/**
 * Requests and answers go as JSON: strings, numbers and null are all there is in them, and to copy arrays of arrays from
 * thread to thread as such takes ten times as long as to write and read them (measured: 4 µs a row).
 */
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: PlainStorageError };

/** The engine at a distance: the same operations, answered later. */
export interface RemoteEngine {
  commit(changes: readonly Change[]): Promise<readonly RowFault[]>;
  page(table: TableName, after: SqlRow | undefined, limit: number): Promise<readonly SqlRow[]>;
  close(): Promise<void>;
  /** Ends it without waiting for what was asked; at most a statement that is being executed holds it up. */
  abandon(): void;
  /** Resolves with the reason when it has ended, whether asked to or not. */
  readonly ended: Promise<StorageError>;
}

type Waiting = { resolve(result: unknown): void; reject(error: StorageError): void };

/**
 * A thread that owns the database.
 *
 * A commit waits for the disk, and SQLite waits in the calling thread: 1,000 timelines held the event loop for 30 ms
 * on a fast SSD, and one row takes as long as the disk wants (a spinning or a busy one: tens of milliseconds).
 */
export class SqliteThread implements RemoteEngine {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly ended: Promise<StorageError>;
  #resolveEnded!: (reason: StorageError) => void;
  #lastId = 0;
  #ended: StorageError | undefined;

  private constructor(file: string) {
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#worker = startWorker({ file });
    this.#worker.on('message', (answer: string) => this.#settle(JSON.parse(answer) as Answer));
    this.#worker.on('error', (cause) => {
      this.#end(new StorageError('failed', `The storage thread of ${file} failed: ${String(cause)}`, { cause }));
    });
    this.#worker.on('exit', () => this.#end(new StorageError('closed', `The database ${file} was closed`)));
  }

  /** Starts the thread and opens the database in it. @throws StorageError */
  static async open(file: string): Promise<{ thread: SqliteThread; report: OpenReport }> {
    const thread = new SqliteThread(file);
    // The worker says by itself, under id 0, how opening went.
    try {
      const report = (await thread.#answerTo(0)) as OpenReport;
      return { thread, report };
    } catch (error) {
      await thread.#worker.terminate();
      throw error;
    }
  }

  async commit(changes: readonly Change[]): Promise<readonly RowFault[]> {
    return (await this.#ask({ op: 'commit', changes })) as readonly RowFault[];
  }

  async page(table: TableName, after: SqlRow | undefined, limit: number): Promise<readonly SqlRow[]> {
    return (await this.#ask({ op: 'page', table, after, limit })) as readonly SqlRow[];
  }

  /** Closes the database, after what was asked before, and ends the thread. */
  async close(): Promise<void> {
    try {
      await this.#ask({ op: 'close' });
    } finally {
      await this.#worker.terminate();
    }
  }

  abandon(): void {
    void this.#worker.terminate();
  }

  async #ask(operation: Operation): Promise<unknown> {
    if (this.#ended !== undefined) throw this.#ended;
    const id = ++this.#lastId;
    this.#worker.postMessage(JSON.stringify({ id, ...operation } satisfies Request));
    return this.#answerTo(id);
  }

  #answerTo(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('error' in answer) waiting?.reject(fromPlainStorageError(answer.error));
    else waiting?.resolve(answer.result);
  }

  #end(reason: StorageError): void {
    this.#ended ??= reason;
    this.#resolveEnded(this.#ended);
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }
}

/**
 * Compiled, the worker is a file like any other. Run from the TypeScript sources it needs tsx, which a worker does not
 * get from its parent: on Node 20 neither an inherited nor an own `--import` has an effect in a worker.
 */
function startWorker(workerData: WorkerInput): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./sqlite-worker.js', import.meta.url), { workerData });
  }
  const tsx = import.meta.resolve('tsx/esm/api');
  const worker = new URL('./sqlite-worker.ts', import.meta.url).href;
  const script = `import('${tsx}').then(({ register }) => { register(); return import('${worker}'); })`;
  return new Worker(script, { eval: true, workerData });
}
