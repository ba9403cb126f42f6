import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqliteStore } from '../../../adapters/storage/sqlite-store.ts';
import { subscriptionsIn } from '../../contract/every-store.ts';
import { type RunningProcess, startProcess } from '../../support/child-process.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';

const ROUNDS = 5;
const program = fileURLToPath(new URL('./saving-process.ts', import.meta.url));

let folder: TempFolder;
let file: string;
const processes: RunningProcess[] = [];
beforeEach(() => {
  folder = makeTempFolder();
  file = folder.file('gateway.db');
});
afterEach(async () => {
  await Promise.all(processes.splice(0).map((each) => each.stop('SIGKILL', 1_000)));
  folder.remove();
});

type Saving = { readonly process: RunningProcess; output(): string };

/** Starts a process that saves until it is killed, and waits for its first acknowledged row. */
async function startSaving(firstRow: number): Promise<Saving> {
  // Into a file, not a pipe: what the process wrote is complete whenever it is killed.
  const log = folder.file(`acknowledged-${firstRow}`);
  const descriptor = openSync(log, 'w');
  const args = ['--import', import.meta.resolve('tsx'), program, file, String(firstRow)];
  const saving = await startProcess(process.execPath, args, { stdio: ['ignore', descriptor, 'inherit'] });
  closeSync(descriptor);
  processes.push(saving);
  const output = () => readFileSync(log, 'utf8');
  await expect.poll(output, { timeout: 10_000, interval: 10 }).toContain('+');
  return { process: saving, output };
}

test('after kill -9 every acknowledged row is there, and none whose deletion was acknowledged', async () => {
  const mustBeThere = new Set<string>();
  const mustBeGone = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    const saving = await startSaving(round * 1_000_000);
    await wait(50 + Math.random() * 150);
    await saving.process.stop('SIGKILL', 1_000);
    for (const [, sign, n] of saving.output().matchAll(/^([+?-])(\d+)\n/gm)) {
      const watcher = `${n}@example.com`;
      if (sign === '+') mustBeThere.add(watcher);
      if (sign === '?') mustBeThere.delete(watcher);
      if (sign === '-') mustBeGone.add(watcher);
    }
    const store = await openSqliteStore({ file, logger: new RecordingLogger() });
    const there = new Set((await subscriptionsIn(store)).map(({ watcher }) => watcher));
    await store.close();
    expect([...mustBeThere].filter((watcher) => !there.has(watcher))).toEqual([]);
    expect([...mustBeGone].filter((watcher) => there.has(watcher))).toEqual([]);
  }
  expect(mustBeThere.size).toBeGreaterThan(ROUNDS);
  expect(mustBeGone.size).toBeGreaterThan(ROUNDS);
}, 60_000);

test('a database that another process holds is refused; after kill -9 of that process it opens', async () => {
  const holder = await startSaving(0);
  await expect(openSqliteStore({ file, logger: new RecordingLogger() })).rejects.toMatchObject({
    name: 'StorageError',
    kind: 'in-use',
    message: expect.stringContaining(`Another gateway is using ${file}`),
  });
  expect(holder.process.isRunning).toBe(true);
  await holder.process.stop('SIGKILL', 1_000);
  const store = await openSqliteStore({ file, logger: new RecordingLogger() });
  await store.close();
}, 20_000);
