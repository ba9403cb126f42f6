import { StorageError } from './storage-error.ts';

// Primary result codes, https://sqlite.org/rescode.html
const BUSY = 5;
const READONLY = 8;
const CORRUPT = 11;
const FULL = 13;
const CONSTRAINT = 19;
const NOTADB = 26;

/** SQLite's extended result code of a thrown error; undefined when SQLite did not throw it. */
function resultCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' ? code : undefined;
}

function primaryCode(error: unknown): number | undefined {
  const code = resultCode(error);
  return code === undefined ? undefined : code & 0xff;
}

export function isBusy(error: unknown): boolean {
  return primaryCode(error) === BUSY;
}

/** Whether one row is at fault (a value that the schema forbids, or that can't be bound), not the database. */
export function isRowFault(error: unknown): boolean {
  return primaryCode(error) === CONSTRAINT || error instanceof TypeError;
}

/**
 * Says what went wrong with a database, and what to do about it.
 *
 * @param file the database
 * @param error what was thrown; a StorageError is returned as it is
 */
export function storageErrorOf(file: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const options = { cause: error, code: resultCode(error) };
  switch (primaryCode(error)) {
    case CORRUPT:
    case NOTADB:
      return new StorageError('corrupt', damagedMessage(file, reason), options);
    case FULL:
      return new StorageError('full', `No space is left to write ${file}: free some`, options);
    case BUSY:
      return new StorageError('failed', `Another program holds ${file} locked: let it finish, or end it`, options);
    case READONLY:
      return new StorageError(
        'failed',
        `${file} can't be written (${reason}): check its owner and its file system`,
        options,
      );
    default:
      return new StorageError('failed', `${file}: ${reason}${adviceFor(error)}`, options);
  }
}

function adviceFor(error: unknown): string {
  const unwritable = ['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException)?.code ?? '');
  if (!unwritable) return '';
  return '. This user can’t write there: set storage.file to a place that it can, as /var/lib/presence-gateway/gateway.db';
}

export function damagedMessage(file: string, reason: string): string {
  return (
    `${file} is damaged or is not a database (${reason}). It was not changed. Put a backup in its place; or move it ` +
    'away, together with its -wal and -shm files, to start with an empty database: known watchers are then restored ' +
    'as they log in'
  );
}
