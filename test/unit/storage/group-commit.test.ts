import { expect, test } from 'vitest';
import { GroupCommit, type GroupCommitOptions } from '../../../adapters/storage/group-commit.ts';
import type { Change, RowFault } from '../../../adapters/storage/sqlite-engine.ts';
import { StorageError } from '../../../adapters/storage/storage-error.ts';

/** A disk whose commits end when the test says so. */
class SlowDisk {
  readonly groups: (readonly Change[])[] = [];
  #settle: { resolve(faults: readonly RowFault[]): void; reject(error: unknown): void } | undefined;
  #arrived: (() => void) | undefined;

  readonly commit = (changes: readonly Change[]): Promise<readonly RowFault[]> => {
    this.groups.push(changes);
    this.#arrived?.();
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
  };

  /** Resolves when the n-th group is in flight. */
  async group(n: number): Promise<readonly Change[]> {
    while (this.groups.length < n) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    return this.groups[n - 1] as readonly Change[];
  }

  finish(faults: readonly RowFault[] = []): void {
    this.#settle?.resolve(faults);
  }

  fail(error: unknown): void {
    this.#settle?.reject(error);
  }
}

function groupCommit(disk: SlowDisk, options: Partial<GroupCommitOptions> = {}): GroupCommit {
  return new GroupCommit({ commit: disk.commit, groupSize: 10, laneLimit: 100, commitLimit: 10_000, ...options });
}

const change = (name: string): Change => ['saveSaid', name, ''];
const namesOf = (group: readonly Change[]) => group.map(([, name]) => name);
const one = (name: string) => [1, () => change(name)] as const;
const many = (name: string, count: number) => [count, (i: number) => change(`${name}${i}`)] as const;

/** What became of a promise so far. */
function watch(promise: Promise<void>): { state: 'pending' | 'resolved' | StorageError } {
  const watched: { state: 'pending' | 'resolved' | StorageError } = { state: 'pending' };
  promise.then(
    () => {
      watched.state = 'resolved';
    },
    (error: StorageError) => {
      watched.state = error;
    },
  );
  return watched;
}

async function finishGroups(disk: SlowDisk, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) {
    await disk.group(n);
    disk.finish();
  }
}

test('what is saved in one turn shares a transaction; what comes meanwhile shares the next', async () => {
  const disk = new SlowDisk();
  const commits = groupCommit(disk);
  const early = [watch(commits.add('durable', ...one('a'))), watch(commits.add('durable', ...one('b')))];
  expect(namesOf(await disk.group(1))).toEqual(['a', 'b']);
  const late = [watch(commits.add('durable', ...one('c'))), watch(commits.add('durable', ...one('d')))];
  expect(early.map(({ state }) => state)).toEqual(['pending', 'pending']);
  disk.finish();
  expect(namesOf(await disk.group(2))).toEqual(['c', 'd']);
  expect(early.map(({ state }) => state)).toEqual(['resolved', 'resolved']);
  expect(late.map(({ state }) => state)).toEqual(['pending', 'pending']);
  disk.finish();
  await commits.close();
  expect(late.map(({ state }) => state)).toEqual(['resolved', 'resolved']);
});

test('a large call takes several transactions and resolves after the last', async () => {
  const disk = new SlowDisk();
  const commits = groupCommit(disk);
  const call = watch(commits.add('bulk', ...many('m', 25)));
  for (const [n, size] of [
    [1, 10],
    [2, 10],
    [3, 5],
  ] as const) {
    expect(await disk.group(n)).toHaveLength(size);
    expect(call.state).toBe('pending');
    disk.finish();
  }
  await commits.close();
  expect(call.state).toBe('resolved');
});

test('a durable change waits for one transaction of the bulk, not for all of it, and does not share one', async () => {
  const disk = new SlowDisk();
  const commits = groupCommit(disk);
  const bulk = watch(commits.add('bulk', ...many('m', 30)));
  await disk.group(1);
  const durable = commits.add('durable', ...one('urgent'));
  disk.finish();
  expect(namesOf(await disk.group(2))).toEqual(['urgent']);
  disk.finish();
  await durable;
  expect(bulk.state).toBe('pending');
  await finishGroups(disk, 3, 4);
  await commits.close();
  expect(bulk.state).toBe('resolved');
});

test('the bulk gets its turn while durable changes keep coming', async () => {
  const disk = new SlowDisk();
  const commits = groupCommit(disk, { groupSize: 1 });
  const saves = [
    commits.add('durable', ...one('a')),
    commits.add('durable', ...one('b')),
    commits.add('bulk', ...one('m')),
  ];
  await finishGroups(disk, 1, 3);
  await Promise.all(saves);
  expect(disk.groups.map(namesOf)).toEqual([['a'], ['m'], ['b']]);
});

test('a failed transaction is refused to its callers only, and the next is tried', async () => {
  const disk = new SlowDisk();
  const commits = groupCommit(disk);
  const lost = watch(commits.add('durable', ...one('a')));
  await disk.group(1);
  const kept = commits.add('durable', ...one('b'));
  const full = new StorageError('full', 'No space');
  disk.fail(full);
  await disk.group(2);
  expect(lost.state).toBe(full);
  disk.finish();
  await kept;
});

test('one faulty row is refused to its caller, not to those who share the transaction', async () => {
  const disk = new SlowDisk();
  const commits = groupCommit(disk);
  const [good, bad] = [commits.add('durable', ...one('good')), commits.add('durable', ...one('bad'))];
  await disk.group(1);
  disk.finish([{ index: 1, error: { kind: 'failed', message: 'bad value', code: 19 } }]);
  await good;
  await expect(bad).rejects.toMatchObject({ name: 'StorageError', kind: 'failed', message: 'bad value', code: 19 });
});

test('a lane that is full takes no more, the other lane does, and room comes back', async () => {
  const disk = new SlowDisk();
  const commits = groupCommit(disk, { laneLimit: 20 });
  const bulk = commits.add('bulk', ...many('m', 30));
  await disk.group(1);
  await expect(commits.add('bulk', ...one('x'))).rejects.toMatchObject({ kind: 'overloaded' });
  const durable = commits.add('durable', ...one('urgent'));
  await finishGroups(disk, 1, 4);
  await Promise.all([bulk, durable]);
  const later = commits.add('bulk', ...one('y'));
  await disk.group(5);
  disk.finish();
  await later;
});

test('a disk that hangs keeps nobody waiting, and is used again when it answers', async () => {
  const disk = new SlowDisk();
  const commits = groupCommit(disk, { commitLimit: 20, groupSize: 1 });
  const [inFlight, waiting] = [commits.add('durable', ...one('a')), commits.add('bulk', ...one('b'))];
  await expect(inFlight).rejects.toMatchObject({ kind: 'timeout' });
  await expect(waiting).rejects.toMatchObject({ kind: 'timeout' });
  await expect(commits.add('durable', ...one('c'))).rejects.toMatchObject({ kind: 'timeout' });
  disk.finish();
  await new Promise(setImmediate);
  const after = commits.add('durable', ...one('d'));
  expect(namesOf(await disk.group(2))).toEqual(['d']);
  disk.finish();
  await after;
});

test('closing waits for what was saved before and refuses what comes after', async () => {
  const disk = new SlowDisk();
  const commits = groupCommit(disk, { groupSize: 1 });
  const saved = [watch(commits.add('durable', ...one('a'))), watch(commits.add('bulk', ...one('b')))];
  const closed = commits.close();
  await expect(commits.add('durable', ...one('c'))).rejects.toMatchObject({ kind: 'closed' });
  await finishGroups(disk, 1, 2);
  await closed;
  expect(saved.map(({ state }) => state)).toEqual(['resolved', 'resolved']);
});
