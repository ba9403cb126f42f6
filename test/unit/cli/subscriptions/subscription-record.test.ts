import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exportTexts } from '../../../../adapters/cli/subscriptions/export.ts';
import { type Format, readRecords } from '../../../../adapters/cli/subscriptions/records.ts';
import {
  contactOf,
  type RecordRules,
  rowOf,
  watcherOf,
} from '../../../../adapters/cli/subscriptions/subscription-record.ts';
import { SubscriptionImport } from '../../../../adapters/storage/subscription-import.ts';
import { readSubscriptions } from '../../../../adapters/storage/subscription-reader.ts';
import { RuleDirectory } from '../../../../component/directory/rule-directory.ts';
import { SubscriptionPolicy } from '../../../../component/subscription/subscription-policy.ts';
import type { SubscriptionRow } from '../../../../component/subscription/subscription-store.ts';
import { makeTempFolder, type TempFolder } from '../../../support/temp-folder.ts';

const NOW = Date.parse('2026-03-02T09:00:00Z');
const rules: RecordRules = {
  domain: 'calendar.example.com',
  directory: new RuleDirectory({ rule: '{local}@example.com', domains: ['example.com'], contacts: new Map() }),
  policy: new SubscriptionPolicy({
    domains: ['example.com'],
    rules: [{ effect: 'deny', watcher: 'mallory@example.com', contacts: ['boss'] }],
    maxSubscriptions: 500,
  }),
  now: NOW,
};

describe('a record is a row', () => {
  const row = { contact: 'alice', watcher: 'bob@example.com', state: 'subscribed', since: NOW };

  test('that has been subscribed since now, unless it says otherwise', () => {
    expect(rowOf({ contact: 'alice', watcher: 'bob@example.com' }, rules)).toEqual(row);
    const said = { contact: 'alice', watcher: 'bob@example.com', state: 'pending', since: '2026-03-01T10:00+01:00' };
    expect(rowOf(said, rules)).toEqual({ ...row, state: 'pending', since: NOW - 24 * 3_600_000 });
  });

  test.each([
    ['a contact’s JID', { contact: 'alice@calendar.example.com' }, 'alice'],
    ['upper case', { contact: 'Alice@Calendar.Example.com', watcher: 'Bob@EXAMPLE.com' }, 'alice'],
    ['spaces around', { contact: ' alice ', watcher: 'bob@example.com ', state: ' ', since: '' }, 'alice'],
    ['a mail address, escaped', { contact: 'alice\\40example.com' }, 'alice\\40example.com'],
    ['a decomposed letter', { contact: 'Zoe\u0308' }, 'zo\u00eb'],
  ])('with %s', (_, fields, contact) => {
    expect(rowOf({ watcher: 'bob@example.com', ...fields }, rules)).toEqual({ ...row, contact });
  });
});

test.each([
  [{ contact: '' }, 'neither a local part nor a JID'],
  [{ contact: 'alice@example.com' }, 'neither a local part nor a JID of calendar.example.com'],
  [{ contact: 'alice@calendar.example.com/desk' }, 'neither a local part nor a JID'],
  [{ contact: 'a b' }, 'neither a local part nor a JID'],
  [{ contact: 'alice\\40elsewhere.org' }, 'has no mailbox'],
  [{ watcher: '' }, 'no bare JID'],
  [{ watcher: 'bob@example.com/desk' }, 'no bare JID'],
  [{ watcher: 'bob smith@example.com' }, 'no bare JID'],
  [{ watcher: 'bob@@example.com' }, 'no bare JID'],
  [{ watcher: 'bob@exa mple.com' }, 'no bare JID'],
  [{ watcher: 'bob' }, 'may not watch'],
  [{ watcher: 'bob@elsewhere.org' }, 'may not watch'],
  [{ contact: 'boss', watcher: 'Mallory@example.com' }, 'may not watch'],
  [{ state: 'none' }, 'neither subscribed nor pending'],
  [{ since: 'yesterday' }, 'no ISO 8601 time'],
  [{ since: '2026-03-02T09:00:00' }, 'no ISO 8601 time'],
  [{ since: '2026-02-30T09:00:00Z' }, 'no ISO 8601 time'],
  [{ since: '2026-13-01T09:00:00Z' }, 'no ISO 8601 time'],
  [{ since: '1772442000000' }, 'no ISO 8601 time'],
])('%j is refused', (fields, reason) => {
  expect(rowOf({ contact: 'alice', watcher: 'bob@example.com', ...fields }, rules)).toContain(reason);
});

test('of a wrong text not more is shown than fits a line', () => {
  expect(rowOf({ contact: 'alice', watcher: ' x'.repeat(10_000) }, rules)).toHaveLength(149);
});

describe('what is exported is imported again', () => {
  let folder: TempFolder;
  beforeEach(() => {
    folder = makeTempFolder();
  });
  afterEach(() => folder.remove());

  const local = fc.string({ unit: fc.constantFrom(...'abz019.,;=+-\\!#~é日😀'), minLength: 1, maxLength: 12 });
  const row: fc.Arbitrary<SubscriptionRow> = fc.record({
    contact: local.filter((text) => typeof rowOf({ contact: text, watcher: 'bob@example.com' }, rules) === 'object'),
    watcher: local.map((text) => `${text}@example.com`),
    state: fc.constantFrom('pending', 'subscribed'),
    since: fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }).map(Number),
  });

  function keep(file: string, rows: readonly SubscriptionRow[]): void {
    const target = SubscriptionImport.open(file);
    for (const [i, one] of rows.entries()) target.add(one, i + 1);
    target.keep();
    target.close();
  }

  const rowsIn = (file: string) => [...readSubscriptions(file)].flat();

  test.each<Format>(['csv', 'json'])('as %s', async (format) => {
    let round = 0;
    const property = fc.asyncProperty(fc.array(row, { maxLength: 30 }), async (rows) => {
      const [from, to] = [folder.file(`${++round}-from.db`), folder.file(`${round}-to.db`)];
      keep(from, rows);
      const bytes = async function* () {
        for (const text of exportTexts(from, format)) yield Buffer.from(text);
      };
      const { records } = await readRecords(bytes(), format);
      const read: SubscriptionRow[] = [];
      for await (const some of records) {
        for (const record of some) {
          const found = 'fault' in record ? record.fault : rowOf(record.fields, rules);
          if (typeof found === 'string') throw new Error(found);
          read.push(found);
        }
      }
      keep(to, read);
      expect(rowsIn(to)).toEqual(rowsIn(from));
      expect(rowsIn(to)).toHaveLength(new Set(rows.map(({ contact, watcher }) => `${contact} ${watcher}`)).size);
    });
    await fc.assert(property, { numRuns: 25 });
  });
});

test('the command line takes a contact by its local part or JID, and a watcher by its JID', () => {
  expect(contactOf('Alice@calendar.example.com', rules.domain)).toBe('alice');
  expect(contactOf('alice@example.com', rules.domain)).toBeUndefined();
  expect(watcherOf('Bob@example.com')).toBe('bob@example.com');
  expect(watcherOf('bob@example.com/desk')).toBeUndefined();
});
