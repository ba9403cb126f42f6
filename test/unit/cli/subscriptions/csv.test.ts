import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BrokenInput, LONGEST_RECORD } from '../../../../adapters/cli/subscriptions/broken-input.ts';
import { CsvReader, csvLine } from '../../../../adapters/cli/subscriptions/csv.ts';

/** Reads pieces that come one after the other. */
function read(pieces: readonly string[], separator = ',') {
  const reader = new CsvReader(separator);
  return [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
}

test.each([
  ['CR LF', 'a,b\r\nc,d\r\n'],
  ['LF, the last one left out', 'a,b\nc,d'],
  ['CR', 'a,b\rc,d\r'],
])('lines end with %s', (_, text) => {
  expect(read([text])).toEqual([
    { line: 1, fields: ['a', 'b'] },
    { line: 2, fields: ['c', 'd'] },
  ]);
});

test('quotes hold separators, quotes and line ends, which count as lines', () => {
  expect(read(['"a,""b""\r\n","c\nd"\r\n""\r\ne,f'])).toEqual([
    { line: 1, fields: ['a,"b"\r\n', 'c\nd'] },
    { line: 5, fields: ['e', 'f'] },
  ]);
});

test('records without any text are passed over, and counted', () => {
  expect(read(['\r\n,,\r\n \r\na,b\r\n,,\r\n'])).toEqual([{ line: 4, fields: ['a', 'b'] }]);
});

test('another separator leaves the comma to the fields', () => {
  expect(read(['a,1;b'], ';')).toEqual([{ line: 1, fields: ['a,1', 'b'] }]);
});

test.each([
  ['text after quotes', 'a,"b"c,d', 'text between the end of the quotes'],
  ['a quote within', 'a,b"c",d', 'a quote in a column that does not begin with one'],
])('%s is a fault of its record alone', (_, text, fault) => {
  expect(read([`${text}\r\ne,f`])).toEqual([
    { line: 1, fields: expect.any(Array), fault: expect.stringContaining(fault) },
    { line: 2, fields: ['e', 'f'] },
  ]);
});

test.each([
  ['at the end', 'a,b\nc,"d\ne,f'],
  ['before the memory is full', `a,b\nc,"d\n${'e,f\n'.repeat(LONGEST_RECORD)}`],
])('quotes that do not end are noticed %s, with the line that they begin on', (_, text) => {
  expect(() => read([text])).toThrow(BrokenInput);
  expect(() => read([text])).toThrow(expect.objectContaining({ line: 2 }));
});

const field = fc.string({ unit: fc.constantFrom(...'ab,;"\r\n é😀=+') });

test('what is written is read again, however it is cut into pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.array(field, { minLength: 1, maxLength: 4 })), fc.array(fc.nat(80)), (records, cuts) => {
      const text = records.map((fields) => `${csvLine(fields)}\r\n`).join('');
      const at = [0, ...cuts.sort((a, b) => a - b), text.length];
      const pieces = at.slice(1).map((end, i) => text.slice(at[i], end));
      const notBlank = records.filter((fields) => fields.some((one) => one.trim() !== ''));
      expect(read(pieces).map(({ fields, fault }) => fault ?? fields)).toEqual(notBlank);
    }),
  );
});
