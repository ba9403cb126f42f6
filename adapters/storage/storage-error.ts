/**
 * Why the store would not open, or would not save:
 * - `folder-missing`: the folder that should hold the file is not there
 * - `missing`: there is no database, and none is made
 * - `in-use`: another gateway holds the database
 * - `corrupt`: the file is damaged, or is no database
 * - `not-ours`: it is some other program's database
 * - `too-new`: a newer version of the gateway wrote it
 * - `full`: the disk is full
 * - `overloaded`: too many changes wait for the disk
 * - `timeout`: the disk did not answer in time; whether the change was kept is unknown
 * - `closed`: the store was closed
 * - `failed`: anything else (`code` and the message tell)
 */
export type StorageErrorKind =
  | 'folder-missing'
  | 'missing'
  | 'in-use'
  | 'corrupt'
  | 'not-ours'
  | 'too-new'
  | 'full'
  | 'overloaded'
  | 'timeout'
  | 'closed'
  | 'failed';

export type StorageErrorOptions = {
  readonly cause?: unknown;
  /** SQLite's extended result code. */
  readonly code?: number | undefined;
};

/** What an error keeps on its way from one thread to another. */
export type PlainStorageError = {
  readonly kind: StorageErrorKind;
  readonly message: string;
  readonly code: number | undefined;
};

/** The store's refusal or failure. The message names the file and says what to do; decisions look at `kind` alone. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly kind: StorageErrorKind;
  /** SQLite's extended result code (https://sqlite.org/rescode.html), where SQLite was the one that failed. */
  readonly code: number | undefined;

  constructor(kind: StorageErrorKind, message: string, options: StorageErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.code = options.code;
  }
}

export function toPlainStorageError({ kind, message, code }: StorageError): PlainStorageError {
  return { kind, message, code };
}

export function fromPlainStorageError({ kind, message, code }: PlainStorageError): StorageError {
  return new StorageError(kind, message, { code });
}
