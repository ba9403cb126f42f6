import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** How a process ended: its exit code, or the signal that ended it. */
export type ProcessEnd = { code: number | null; signal: NodeJS.Signals | null };

export interface RunningProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly isRunning: boolean;
  /** Resolves when the process has ended and its output was read to the end. */
  readonly ended: Promise<ProcessEnd>;
  /** Sends `signal`, and SIGKILL if the process has not ended after `limit` milliseconds. */
  stop(signal: NodeJS.Signals, limit: number): Promise<ProcessEnd>;
}

// The exit hook below does not run when a signal ends this process (Ctrl-C, a time limit), and servers stayed behind.
// Where Linux can do it, the child gets SIGKILL with the end of its parent.
const SETPRIV = '/usr/bin/setpriv';
const WITH_PARENT = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL'] : [];

const running = new Set<ChildProcess>();
let hooked = false;

/**
 * Starts a program that can't outlive this process. It has a process group of its own: Ctrl-C reaches this process
 * only, which then stops what it started in the order it wants. Rejects when the program is not there.
 */
export async function startProcess(
  program: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<RunningProcess> {
  if (!hooked) {
    hooked = true;
    process.once('exit', () => {
      for (const child of running) child.kill('SIGKILL');
    });
  }
  const [command, ...rest] = [...WITH_PARENT, find(program), ...args];
  const child = spawn(command as string, rest, { ...options, detached: true });
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve).once('error', reject);
  });
  running.add(child);
  return {
    child,
    pid: child.pid as number,
    ended,
    get isRunning() {
      return child.exitCode === null && child.signalCode === null;
    },
    async stop(signal, limit) {
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), limit);
      const end = await ended;
      clearTimeout(timer);
      return end;
    },
  };
}

function find(program: string): string {
  if (program.includes('/')) return program;
  const folder = (process.env.PATH ?? '').split(delimiter).find((each) => existsSync(join(each, program)));
  if (folder === undefined) throw new Error(`${program} is not on the PATH`);
  return join(folder, program);
}
