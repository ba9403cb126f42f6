import { execFile } from 'node:child_process';
import { gatewayProgram, root } from './gateway-program.ts';

export type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Runs a command of the gateway as a process of its own, to its end; `input` is its standard input. */
export function runGateway(
  words: readonly string[],
  input = '',
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [...gatewayProgram(), ...words],
      { cwd: root, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, ...env } },
      (error, stdout, stderr) => {
        const failure = typeof error?.code === 'number' ? error.code : -1;
        resolve({ code: error === null ? 0 : failure, stdout, stderr });
      },
    );
    // Not every command reads it.
    child.stdin?.on('error', () => {}).end(input);
  });
}
