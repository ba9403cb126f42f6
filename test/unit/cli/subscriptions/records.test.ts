import { expect, test } from 'vitest';
import { type Format, readRecords } from '../../../../adapters/cli/subscriptions/records.ts';

async function* byteByByte(content: string | Uint8Array): AsyncGenerator<Uint8Array> {
  for (const byte of typeof content === 'string' ? Buffer.from(content) : content) yield Uint8Array.of(byte);
}

async function read(content: string | Uint8Array, format?: Format) {
  const { unit, records } = await readRecords(byteByByte(content), format);
  const all = [];
  for await (const some of records) all.push(...some);
  return { unit, all };
}

const alice = { contact: 'alice', watcher: 'bób@example.com' };

test.each([
  ['CSV', 'contact,watcher\r\nalice,bób@example.com\r\n', 'line', 2],
  ['CSV with a byte order mark', '\ufeffcontact,watcher\r\nalice,bób@example.com\r\n', 'line', 2],
  ['CSV with semicolons', 'contact;watcher\nalice;bób@example.com', 'line', 2],
  ['CSV with its columns in another order and case', 'Watcher , CONTACT\nbób@example.com,alice\n', 'line', 2],
  ['JSON Lines', `\n${JSON.stringify(alice)}\n`, 'line', 2],
  ['a JSON array', `\n[\n${JSON.stringify(alice)}]\n`, 'item', 1],
])('%s is recognised', async (_, text, unit, position) => {
  expect(await read(text)).toEqual({ unit, all: [{ position, fields: alice }] });
});

test('no records at all are none where JSON is expected, as an export of none is', async () => {
  expect((await read('', 'json')).all).toEqual([]);
});

test('a format that is named is not guessed', async () => {
  await expect(read('[1]\n', 'csv')).rejects.toThrow('unknown column “[1]”');
  expect((await read('contact,watcher\n', 'json')).all).toEqual([{ position: 1, fault: 'this is no JSON' }]);
});

test.each([
  ['an unknown column', 'contact,watcher,colour\n', 1, 'unknown column “colour”'],
  ['a column twice', 'contact,watcher,contact\n', 1, 'contact twice'],
  ['no watcher', 'contact,state\n', 1, 'lacks watcher'],
  ['no header', 'alice,bob@example.com\n', 1, 'unknown column “alice”'],
  ['nothing', '', undefined, 'no header'],
  ['other bytes than UTF-8', Buffer.from('contact,watcher\na,b\nm\xfcller,c\n', 'latin1'), 3, 'not UTF-8'],
  ['UTF-16', Buffer.from('\ufeffcontact,watcher\n', 'utf16le'), 1, 'not UTF-8'],
  ['a character that is cut off', Buffer.from('contact,watcher\na,b\nm\xc3', 'latin1'), 3, 'not UTF-8'],
])('%s breaks the whole file', async (_, content, line, message) => {
  const error = await read(content).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: 'BrokenInput', line, message: expect.stringContaining(message) });
});

test('a record with too many or too few columns is at fault alone', async () => {
  const { all } = await read('contact,watcher\na,b,c\na\na,b\n');
  expect(all).toEqual([
    { position: 2, fault: 'there are 3 columns, and not 2 as in the header' },
    { position: 3, fault: 'there are 1 columns, and not 2 as in the header' },
    { position: 4, fields: { contact: 'a', watcher: 'b' } },
  ]);
});

test.each([
  ['{"contact":"a","colour":"red"}', 'there is no key “colour”'],
  ['{"contact":1}', 'contact is no text'],
  ['["a"]', 'this is no object'],
  ['null', 'this is no object'],
  ['{"contact":"a"', 'this is no JSON'],
])('a line of JSON is at fault alone: %s', async (text, fault) => {
  const { all } = await read(`{"contact":"a"}\n${text}\n{"contact":"b"}`);
  expect(all).toEqual([
    { position: 1, fields: { contact: 'a' } },
    { position: 2, fault: expect.stringContaining(fault) },
    { position: 3, fields: { contact: 'b' } },
  ]);
});
