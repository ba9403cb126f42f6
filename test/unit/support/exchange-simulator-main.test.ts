import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RunningProcess, startProcess } from '../../support/child-process.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';

const main = fileURLToPath(new URL('../../support/exchange-simulator/main.ts', import.meta.url));

let folder: TempFolder;
let running: RunningProcess | undefined;

beforeEach(() => {
  folder = makeTempFolder();
});

afterEach(async () => {
  await running?.stop('SIGKILL', 1_000);
  folder.remove();
});

/** Starts the simulator alone; `output` grows as it writes. */
async function start(...args: string[]): Promise<{ process: RunningProcess; output: () => string }> {
  const process = await startProcess(globalThis.process.execPath, ['--import', 'tsx', main, ...args], {
    stdio: 'pipe',
  });
  running = process;
  let text = '';
  for (const stream of [process.child.stdout, process.child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  return { process, output: () => text };
}

test('the simulator alone serves the calendars of a file, reads it again, and ends at a signal', async () => {
  const file = folder.write('calendars.yaml', 'alice@example.test: []');
  const { process, output } = await start('--calendars', file);
  await expect.poll(output, { timeout: 10_000 }).toMatch(/at http:\/\/127\.0\.0\.1:\d+\/EWS\/Exchange\.asmx/);
  folder.write('calendars.yaml', 'alice: []');
  await expect.poll(output, { timeout: 10_000 }).toContain('The calendar file is wrong');
  folder.write('calendars.yaml', 'bob@example.test: []');
  await expect.poll(output, { timeout: 10_000 }).toContain('again');
  expect(await process.stop('SIGTERM', 5_000)).toEqual({ code: 0, signal: null });
}, 30_000);

test('the simulator alone explains itself, and refuses what it does not know', async () => {
  const help = await start('--help');
  expect((await help.process.ended).code).toBe(0);
  expect(help.output()).toMatch(/^Usage: /);
  const wrong = await start('--prot', '80');
  expect((await wrong.process.ended).code).toBe(64);
  expect(wrong.output()).toContain("'--prot'");
}, 30_000);
