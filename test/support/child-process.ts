import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

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

const running = new Set<ChildProcess>();
let hooked = false;

/** Starts a program that can't outlive this process. Rejects when it can't be started at all. */
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
  const child = spawn(program, args, options);
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
