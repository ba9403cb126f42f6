import { closeSync, fchownSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { isBusy, storageErrorOf } from './sqlite-failure.ts';
import { StorageError } from './storage-error.ts';

/** Keeps other gateways away from a database for as long as it is held. */
export interface DatabaseLock {
  release(): void;
}

/**
 * Locks a database for this process, by an exclusive SQLite lock on the empty database `<file>.lock` beside it.
 *
 * The kernel drops that lock with the process, however it ends, so that there is no stale lock to recognise; and
 * unlike a lock on the database itself it leaves an administrator free to look inside with the `sqlite3` shell.
 * The lock file stays when the lock is gone: removing it would race with the next gateway.
 *
 * @throws StorageError `in-use` when another holds it
 */
export function lockDatabase(file: string): DatabaseLock {
  const lockFile = `${file}.lock`;
  createPrivately(lockFile);
  try {
    const db = new DatabaseSync(lockFile);
    try {
      db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    } catch (error) {
      db.close();
      throw error;
    }
    return { release: () => db.close() };
  } catch (error) {
    if (!isBusy(error)) {
      const reason = error instanceof Error ? error.message : String(error);
      const advice = 'check its owner, or remove it while no gateway runs';
      throw new StorageError('failed', `${lockFile} can't be locked (${reason}): ${advice}`, { cause: error });
    }
    throw new StorageError(
      'in-use',
      `Another gateway is using ${file}: stop it first ("fuser ${lockFile}" shows its process). ` +
        'Two gateways on one component address would split its stanzas between them',
      { cause: error },
    );
  }
}

/**
 * Creates an empty file that only its owner may read, unless there is one.
 *
 * Root makes it for the owner of the folder: a gateway that runs as another user could not open it.
 *
 * An existing file is not opened: POSIX drops all of a process's locks on a file when it closes any descriptor of it.
 */
export function createPrivately(file: string): boolean {
  try {
    const descriptor = openSync(file, 'wx', 0o600);
    if (process.geteuid?.() === 0) giveTo(dirname(file), descriptor);
    closeSync(descriptor);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw storageErrorOf(file, error);
  }
}

function giveTo(folder: string, descriptor: number): void {
  const { uid, gid } = statSync(folder);
  try {
    fchownSync(descriptor, uid, gid);
  } catch {
    // Root in a container may not have this right; then it is who runs the gateway, too.
  }
}
