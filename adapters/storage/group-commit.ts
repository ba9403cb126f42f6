import type { Change, RowFault } from './sqlite-engine.ts';
import { fromPlainStorageError, StorageError } from './storage-error.ts';

/**
 * - `durable`: a person waits for the answer that follows the commit
 * - `bulk`: nobody does
 */
export type Lane = 'durable' | 'bulk';

export type GroupCommitOptions = {
  /** Makes the changes durable, all in one transaction. */
  readonly commit: (changes: readonly Change[]) => Promise<readonly RowFault[]>;
  /** The most changes in one transaction: what the event loop packs and hands over in one go. */
  readonly groupSize: number;
  /** A lane that holds this many changes takes no further call until some are committed. */
  readonly laneLimit: number;
  /** How long a commit may take before everything that waits is refused, in milliseconds. */
  readonly commitLimit: number;
};

/** One call's changes, of which some may be committed, in flight or waiting. */
type Call = {
  readonly count: number;
  readonly changeAt: (index: number) => Change;
  next: number;
  committed: number;
  resolve(): void;
  reject(error: StorageError): void;
};

type LaneState = { readonly calls: Call[]; changes: number };

/**
 * Puts the changes that arrived since the last commit into one transaction: one wait for the disk serves many callers.
 *
 * One transaction is in flight at a time, and the lanes take turns, so that neither waits longer than one transaction
 * of the other, nor fails with it. A lane's changes are applied in the order of the calls.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #lanes: Readonly<Record<Lane, LaneState>> = {
    durable: { calls: [], changes: 0 },
    bulk: { calls: [], changes: 0 },
  };
  #refusal: StorageError | undefined;
  #running: Promise<void> | undefined;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  /**
   * Commits `count` changes; `changeAt` is asked for each when its transaction is formed. A call larger than a group
   * takes several transactions.
   *
   * @throws StorageError when at least one of the changes was not made durable
   */
  add(lane: Lane, count: number, changeAt: (index: number) => Change): Promise<void> {
    if (count === 0) return Promise.resolve();
    const state = this.#lanes[lane];
    const refusal = this.#refusal ?? this.#overload(state);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      state.calls.push({ count, changeAt, next: 0, committed: 0, resolve, reject });
      state.changes += count;
      this.#running ??= this.#run();
    });
  }

  /** Refuses all further changes and resolves when what waits is committed or refused. */
  async close(): Promise<void> {
    this.#refusal = new StorageError('closed', 'The store is closed');
    await this.#running;
  }

  #overload({ changes }: LaneState): StorageError | undefined {
    if (changes < this.#options.laneLimit) return undefined;
    return new StorageError('overloaded', `${changes} changes wait for the disk already`);
  }

  async #run(): Promise<void> {
    // What is saved in the same turn of the event loop shares the first transaction.
    await Promise.resolve();
    const { durable, bulk } = this.#lanes;
    while (durable.changes + bulk.changes > 0) {
      if (durable.changes > 0) await this.#commitGroup(durable);
      if (bulk.changes > 0) await this.#commitGroup(bulk);
    }
    this.#running = undefined;
  }

  async #commitGroup(lane: LaneState): Promise<void> {
    const { changes, owners } = this.#take(lane);
    const commit = this.#options.commit(changes);
    const overdue = setTimeout(() => this.#giveUp(owners), this.#options.commitLimit);
    try {
      const faults = await commit;
      for (const { index, error } of faults) owners[index]?.reject(fromPlainStorageError(error));
      for (const call of owners) if (++call.committed === call.count) call.resolve();
    } catch (error) {
      const failure =
        error instanceof StorageError ? error : new StorageError('failed', String(error), { cause: error });
      for (const call of owners) call.reject(failure);
    } finally {
      clearTimeout(overdue);
      if (this.#refusal?.kind === 'timeout') this.#refusal = undefined;
    }
  }

  /** The next changes of a lane, and to which call each belongs. */
  #take(lane: LaneState): { changes: Change[]; owners: Call[] } {
    const changes: Change[] = [];
    const owners: Call[] = [];
    while (changes.length < this.#options.groupSize) {
      const call = lane.calls[0];
      if (call === undefined) break;
      changes.push(call.changeAt(call.next++));
      owners.push(call);
      lane.changes--;
      if (call.next === call.count) lane.calls.shift();
    }
    return { changes, owners };
  }

  /** The disk hangs: nobody is left waiting for it, and nobody need begin to, until it answers. */
  #giveUp(inFlight: readonly Call[]): void {
    const refusal = new StorageError('timeout', `The disk did not answer within ${this.#options.commitLimit} ms`);
    this.#refusal ??= refusal;
    for (const call of inFlight) call.reject(refusal);
    for (const lane of Object.values(this.#lanes)) {
      for (const call of lane.calls.splice(0)) call.reject(refusal);
      lane.changes = 0;
    }
  }
}
