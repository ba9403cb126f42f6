import { copyFileSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Migration } from '../../../adapters/storage/migrations/migration.ts';
import { migrations } from '../../../adapters/storage/migrations/schema.ts';
import { APPLICATION_ID, openDatabase } from '../../../adapters/storage/sqlite-database.ts';
import { StorageError } from '../../../adapters/storage/storage-error.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';

let folder: TempFolder;
let file: string;
beforeEach(() => {
  folder = makeTempFolder();
  file = folder.file('gateway.db');
});
afterEach(() => folder.remove());

const first: Migration = { name: 'notes', sql: "CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('kept')" };
const second: Migration = {
  name: 'colours',
  sql: 'ALTER TABLE notes ADD COLUMN colour TEXT; CREATE TABLE more (n INTEGER)',
};

function refusalOf(run: () => unknown): StorageError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(StorageError);
    return error as StorageError;
  }
  throw new Error('It was not refused');
}

function firstValue(db: { prepare(sql: string): { get(): unknown } }, sql: string): unknown {
  return Object.values(db.prepare(sql).get() as object)[0];
}

/** Opens and closes a database of ours with the first migration. */
function createVersion1(): void {
  openDatabase(file, [first]).close();
}

test('a new database is created for its owner only, and so is everything beside it', () => {
  const { db, report, close } = openDatabase(file, migrations);
  db.exec("INSERT INTO said VALUES ('alice', 'unavailable')");
  expect(report).toEqual({ file, from: 0, to: migrations.length, backup: undefined });
  const modes = readdirSync(folder.path).map((name) => [name, (statSync(folder.file(name)).mode & 0o777).toString(8)]);
  expect(Object.fromEntries(modes)).toEqual({
    'gateway.db': '600',
    'gateway.db-shm': '600',
    'gateway.db-wal': '600',
    'gateway.db.lock': '600',
  });
  close();
});

test('commits wait for the disk: WAL with synchronous=FULL', () => {
  const { db, close } = openDatabase(file, migrations);
  expect(firstValue(db, 'PRAGMA journal_mode')).toBe('wal');
  expect(firstValue(db, 'PRAGMA synchronous')).toBe(2);
  close();
});

test('the file says whose it is and which schema it has', () => {
  openDatabase(file, [first, second]).close();
  const header = readFileSync(file);
  expect(header.readUInt32BE(60)).toBe(2);
  expect(header.readUInt32BE(68)).toBe(APPLICATION_ID);
});

test('an empty file, as an administrator may have prepared it, becomes a database', () => {
  writeFileSync(file, '');
  const { db, report, close } = openDatabase(file, [first]);
  expect(report.from).toBe(0);
  expect(firstValue(db, 'SELECT text FROM notes')).toBe('kept');
  close();
});

test('opening again changes nothing and makes no backup', () => {
  createVersion1();
  const before = readFileSync(file);
  const { report, close } = openDatabase(file, [first]);
  close();
  expect(report).toEqual({ file, from: 1, to: 1, backup: undefined });
  expect(readFileSync(file).equals(before)).toBe(true);
  expect(readdirSync(folder.path).filter((name) => name.endsWith('.bak'))).toEqual([]);
});

test('an older database is copied beside itself before it is migrated', () => {
  createVersion1();
  const { db, report, close } = openDatabase(file, [first, second]);
  expect(report).toEqual({ file, from: 1, to: 2, backup: `${file}.schema-1.bak` });
  expect(db.prepare('SELECT * FROM notes').all()).toEqual([{ text: 'kept', colour: null }]);
  close();
  const backup = openDatabase(`${file}.schema-1.bak`, [first]);
  expect(backup.report.from).toBe(1);
  expect(backup.db.prepare('SELECT * FROM notes').all()).toEqual([{ text: 'kept' }]);
  backup.close();
  expect(statSync(`${file}.schema-1.bak`).mode & 0o777).toBe(0o600);
});

test('an earlier backup is never overwritten', () => {
  createVersion1();
  writeFileSync(`${file}.schema-1.bak`, 'precious');
  const { report, close } = openDatabase(file, [first, second]);
  close();
  expect(report.backup).toBe(`${file}.schema-1.2.bak`);
  expect(readFileSync(`${file}.schema-1.bak`, 'utf8')).toBe('precious');
});

test('a migration that fails leaves the old schema whole, and the next start tries again', () => {
  createVersion1();
  const broken: Migration = { name: 'broken', sql: 'CREATE TABLE half (n INTEGER); INSERT INTO nowhere VALUES (1)' };
  expect(refusalOf(() => openDatabase(file, [first, broken]))).toMatchObject({
    kind: 'failed',
    message: expect.stringContaining('no such table: nowhere'),
  });
  const { db, report, close } = openDatabase(file, [first]);
  expect(report.from).toBe(1);
  expect(db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()).toEqual([{ name: 'notes' }]);
  close();
  openDatabase(file, [first, second]).close();
});

test('a missing folder is named', () => {
  const refusal = refusalOf(() => openDatabase(folder.file('nowhere/gateway.db'), migrations));
  expect(refusal.kind).toBe('folder-missing');
  expect(refusal.message).toContain(folder.file('nowhere'));
});

test('a folder in place of the file is refused', () => {
  const notAFile = dirname(folder.write('not-a-file/x', ''));
  expect(refusalOf(() => openDatabase(notAFile, migrations))).toMatchObject({
    kind: 'failed',
    message: expect.stringContaining(notAFile),
  });
});

const damages: Readonly<Record<string, (intact: Buffer) => Buffer>> = {
  'text instead of a database': () => Buffer.from('This is not a database at all.\n'.repeat(300)),
  'a page overwritten with noise': (intact) => {
    const damaged = Buffer.from(intact);
    return damaged.fill(0xa5, 4096 + 8, 2 * 4096);
  },
  'a cut file': (intact) => intact.subarray(0, 5000),
};

for (const [damage, apply] of Object.entries(damages)) {
  test(`a corrupt database is refused and not touched: ${damage}`, () => {
    createVersion1();
    const damaged = apply(readFileSync(file));
    writeFileSync(file, damaged);
    const refusal = refusalOf(() => openDatabase(file, [first, second]));
    expect(refusal.kind).toBe('corrupt');
    expect(refusal.message).toMatch(/gateway\.db is damaged .* Put a backup in its place/);
    expect(readFileSync(file).equals(damaged)).toBe(true);
    expect(readdirSync(folder.path).filter((name) => name.endsWith('.bak'))).toEqual([]);
  });
}

test("another program's database is refused and not touched", () => {
  const other = new DatabaseSync(file);
  other.exec('CREATE TABLE theirs (n INTEGER)');
  other.close();
  const before = readFileSync(file);
  expect(refusalOf(() => openDatabase(file, migrations))).toMatchObject({
    kind: 'not-ours',
    message: expect.stringContaining(file),
  });
  expect(readFileSync(file).equals(before)).toBe(true);
});

test('a database from a newer version is refused and not touched', () => {
  openDatabase(file, [first, second]).close();
  const before = readFileSync(file);
  const refusal = refusalOf(() => openDatabase(file, [first]));
  expect(refusal.kind).toBe('too-new');
  expect(refusal.message).toContain('schema 2; this one knows 1');
  expect(readFileSync(file).equals(before)).toBe(true);
});

test('a refusal leaves alone what a killed gateway left in the WAL', () => {
  const { db } = openDatabase(file, [first, second]);
  db.exec("INSERT INTO notes VALUES ('in the WAL', NULL)");
  const copy = folder.file('copy.db');
  for (const suffix of ['', '-wal']) copyFileSync(file + suffix, copy + suffix);
  const bytes = () => ['', '-wal'].map((suffix) => readFileSync(copy + suffix).toString('base64'));
  const before = bytes();
  expect(refusalOf(() => openDatabase(copy, [first])).kind).toBe('too-new');
  expect(bytes()).toEqual(before);
  const again = openDatabase(copy, [first, second]);
  expect(firstValue(again.db, "SELECT count(*) FROM notes WHERE text = 'in the WAL'")).toBe(1);
  again.close();
  db.close();
});

test('a refused database is not locked: when it is mended, it opens', () => {
  writeFileSync(file, 'damaged '.repeat(1_000));
  refusalOf(() => openDatabase(file, migrations));
  writeFileSync(file, '');
  openDatabase(file, migrations).close();
});

test('a lock file that is none is named, with what to do', () => {
  writeFileSync(`${file}.lock`, 'owned by me '.repeat(100));
  const refusal = refusalOf(() => openDatabase(file, migrations));
  expect(refusal.kind).toBe('failed');
  expect(refusal.message).toContain(`${file}.lock can't be locked (file is not a database)`);
});

test('a database that is open is refused to a second gateway, by whatever name', () => {
  const link = folder.file('link.db');
  const { close } = openDatabase(file, migrations);
  symlinkSync(file, link);
  for (const name of [file, link]) {
    const refusal = refusalOf(() => openDatabase(name, migrations));
    expect(refusal.kind).toBe('in-use');
    expect(refusal.message).toContain(`Another gateway is using ${file}`);
  }
  close();
  openDatabase(link, migrations).close();
});
