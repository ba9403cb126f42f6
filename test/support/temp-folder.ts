import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface TempFolder {
  readonly path: string;
  /** The absolute path of a file in the folder. */
  file(name: string): string;
  /** Writes a file (and the folders above it), readable by its owner only, and returns its absolute path. */
  write(name: string, content: string, mode?: number): string;
  remove(): void;
}

const open = new Set<string>();
let hooked = false;

/** Makes an empty folder below the system's temporary folder. It goes with `remove()`, at the latest with this process. */
export function makeTempFolder(): TempFolder {
  if (!hooked) {
    hooked = true;
    process.once('exit', () => {
      for (const folder of open) rmSync(folder, { recursive: true, force: true });
    });
  }
  const path = mkdtempSync(join(tmpdir(), 'presence-gateway-'));
  open.add(path);
  const file = (name: string) => join(path, name);
  return {
    path,
    file,
    write(name, content, mode = 0o600) {
      const target = file(name);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, content, { mode });
      return target;
    },
    remove() {
      rmSync(path, { recursive: true, force: true });
      open.delete(path);
    },
  };
}
