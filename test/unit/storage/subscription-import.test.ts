import { chownSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSqliteStore, type SqliteStore } from '../../../adapters/storage/sqlite-store.ts';
import { SubscriptionImport } from '../../../adapters/storage/subscription-import.ts';
import { readSubscriptions } from '../../../adapters/storage/subscription-reader.ts';
import type { SubscriptionRow } from '../../../component/subscription/subscription-store.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';

let folder: TempFolder;
let file: string;
beforeEach(() => {
  folder = makeTempFolder();
  file = folder.file('gateway.db');
});
afterEach(() => folder.remove());

function row(contact: string, watcher: string, since = 1): SubscriptionRow {
  return { contact, watcher: `${watcher}@example.com`, state: 'subscribed', since };
}

function importRows(...rows: SubscriptionRow[]) {
  const target = SubscriptionImport.open(file);
  try {
    for (const [i, one] of rows.entries()) target.add(one, i + 1);
    return target.keep();
  } finally {
    target.close();
  }
}

function rows(only = {}): SubscriptionRow[] {
  return [...readSubscriptions(file, only)].flat();
}

function openStore(): Promise<SqliteStore> {
  return openSqliteStore({ file, logger: new RecordingLogger() });
}

describe('an import', () => {
  test('makes a database where there is none, which a gateway then opens', async () => {
    expect(importRows(row('bob', 'alice'), row('alice', 'bob'))).toEqual({ added: 2, present: 0 });
    const store = await openStore();
    const loaded = [];
    for await (const some of store.loadSubscriptions()) loaded.push(...some);
    await store.close();
    expect(loaded).toEqual([row('alice', 'bob'), row('bob', 'alice')]);
  });

  test('leaves rows that are there as they are', () => {
    importRows(row('alice', 'bob', 1));
    expect(importRows(row('alice', 'bob', 2), row('alice', 'carol', 2))).toEqual({ added: 1, present: 1 });
    expect(rows()).toEqual([row('alice', 'bob', 1), row('alice', 'carol', 2)]);
  });

  test('says where the same contact and watcher were before, and takes the first', () => {
    const target = SubscriptionImport.open(file);
    expect(target.add(row('alice', 'bob', 1), 7)).toBeUndefined();
    expect(target.add(row('alice', 'bob', 2), 9)).toBe(7);
    expect(target.counts()).toEqual({ added: 1, present: 0 });
    expect(target.keep()).toEqual({ added: 1, present: 0 });
    target.close();
    expect(rows()).toEqual([row('alice', 'bob', 1)]);
  });

  test('changes nothing until it is told to keep', () => {
    importRows(row('alice', 'bob'));
    const target = SubscriptionImport.open(file);
    target.add(row('alice', 'carol'), 1);
    expect(target.counts()).toEqual({ added: 1, present: 0 });
    expect(rows()).toEqual([row('alice', 'bob')]);
    target.close();
    expect(rows()).toEqual([row('alice', 'bob')]);
  });

  test('leaves out what gives a watcher too many: what it has counts, what comes again does not', () => {
    importRows(row('a', 'bob'), row('b', 'bob'));
    const target = SubscriptionImport.open(file);
    const wanted = [row('f', 'bob'), row('e', 'bob'), row('a', 'bob'), row('d', 'bob'), row('a', 'carol')];
    for (const [i, one] of wanted.entries()) target.add(one, i + 1);
    expect([...target.leaveOutBeyond(3)]).toEqual([
      { position: 2, watcher: 'bob@example.com' },
      { position: 4, watcher: 'bob@example.com' },
    ]);
    expect(target.counts()).toEqual({ added: 2, present: 1 });
    expect(target.keep()).toEqual({ added: 2, present: 1 });
    target.close();
    expect(rows().map(({ contact }) => contact)).toEqual(['a', 'a', 'b', 'f']);
  });

  test('and a gateway keep each other out', async () => {
    const store = await openStore();
    expect(() => SubscriptionImport.open(file)).toThrow(expect.objectContaining({ kind: 'in-use' }));
    await store.close();
    const target = SubscriptionImport.open(file);
    await expect(openStore()).rejects.toMatchObject({ kind: 'in-use' });
    target.close();
    await (await openStore()).close();
  });

  test('of a file that is no database fails, and leaves it', () => {
    writeFileSync(file, 'no database'.repeat(100));
    expect(() => SubscriptionImport.open(file)).toThrow(expect.objectContaining({ kind: 'corrupt' }));
    expect(() => SubscriptionImport.rehearse(file)).toThrow(expect.objectContaining({ kind: 'corrupt' }));
    expect(readFileSync(file, 'utf8')).toBe('no database'.repeat(100));
  });

  test.skipIf(process.geteuid?.() !== 0)('by root leaves everything to the owner of the folder', () => {
    chownSync(folder.path, 65_534, 65_533);
    const target = SubscriptionImport.open(file);
    target.add(row('alice', 'bob'), 1);
    target.keep();
    const owners = readdirSync(folder.path).map((name) => statSync(folder.file(name)));
    expect(owners).toHaveLength(4);
    for (const { uid, gid } of owners) expect([uid, gid]).toEqual([65_534, 65_533]);
    target.close();
  });
});

describe('a rehearsal', () => {
  test('counts beside a gateway that runs, and changes nothing', async () => {
    const store = await openStore();
    await store.saveSubscription(row('alice', 'bob'));
    const target = SubscriptionImport.rehearse(file);
    for (const [i, one] of [row('alice', 'bob'), row('alice', 'carol')].entries()) target.add(one, i + 1);
    expect([...target.leaveOutBeyond(10)]).toEqual([]);
    expect(target.counts()).toEqual({ added: 1, present: 1 });
    expect(() => target.keep()).toThrow(expect.objectContaining({ name: 'StorageError' }));
    target.close();
    expect(rows()).toEqual([row('alice', 'bob')]);
    await store.close();
  });

  test('takes a database that is not there for an empty one, and makes none', () => {
    const target = SubscriptionImport.rehearse(file);
    target.add(row('alice', 'bob'), 1);
    expect(target.counts()).toEqual({ added: 1, present: 0 });
    target.close();
    expect(existsSync(file)).toBe(false);
  });
});

describe('reading', () => {
  test('gives what a running gateway has saved, by contact and watcher, in chunks', async () => {
    const store = await openStore();
    const saved = Array.from({ length: 2_500 }, (_, i) => row(`c${i % 50}`, `w${i}`, i));
    await Promise.all(saved.map((one) => store.saveSubscription(one)));
    const chunks = [...readSubscriptions(file)];
    expect(chunks.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
    const key = ({ contact, watcher }: SubscriptionRow) => `${contact} ${watcher}`;
    const inOrder = saved.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
    expect(chunks.flat()).toEqual(inOrder);
    expect(rows({ contact: 'c7' })).toEqual(inOrder.filter(({ contact }) => contact === 'c7'));
    expect(rows({ watcher: 'w8@example.com' })).toEqual([row('c8', 'w8', 8)]);
    expect(rows({ contact: 'c7', watcher: 'w8@example.com' })).toEqual([]);
    await store.close();
  });

  test.each([
    ['not there', () => {}, 'missing'],
    ['empty', () => writeFileSync(file, ''), 'missing'],
    [
      'of a newer version',
      () => {
        importRows();
        const database = new DatabaseSync(file);
        database.exec('PRAGMA user_version = 999');
        database.close();
      },
      'too-new',
    ],
    ['of another program', () => new DatabaseSync(file).exec('CREATE TABLE notes (text TEXT)'), 'not-ours'],
  ])('a database that is %s is refused', (_, make, kind) => {
    make();
    expect(() => rows()).toThrow(expect.objectContaining({ name: 'StorageError', kind }));
  });
});
