import { createWriteStream, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { type ExitCode, exitCode } from './exit-code.ts';

/** Prints texts one after the other, as fast as they are taken. A reader that has seen enough (`| head`) is no failure. */
export async function print(...parts: readonly (string | Iterable<string>)[]): Promise<ExitCode> {
  for (const part of parts) {
    for (const text of typeof part === 'string' ? [part] : part) {
      const error = await new Promise<NodeJS.ErrnoException | null | undefined>((resolve) => {
        process.stdout.write(text, resolve);
      });
      if (error?.code === 'EPIPE') return exitCode.ok;
      if (error != null) return exitCode.inputOutput;
    }
  }
  return exitCode.ok;
}

/**
 * Writes a file that only its owner may read, whole and on the disk, or not at all. What is no file (a device, a pipe)
 * is written into.
 *
 * @throws what the file system says
 */
export async function writeWhole(file: string, texts: Iterable<string>): Promise<void> {
  if (existsSync(file) && !statSync(file).isFile()) {
    await pipeline(texts, createWriteStream(file));
    return;
  }
  const part = `${file}.part`;
  try {
    await pipeline(texts, createWriteStream(part, { mode: 0o600, flush: true }));
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

export function printError(what: string): void {
  process.stderr.write(`presence-gateway: ${what}\n`);
}
