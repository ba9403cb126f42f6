import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BrokenInput, LONGEST_RECORD } from '../../../../adapters/cli/subscriptions/broken-input.ts';
import { JsonArrayReader, JsonLineReader } from '../../../../adapters/cli/subscriptions/json.ts';

function read(reader: JsonLineReader | JsonArrayReader, pieces: readonly string[]) {
  return [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
}

test('lines are counted, and blank ones passed over', () => {
  expect(read(new JsonLineReader(), ['{"a":1}\r\n\n  \n{"', 'b":2}'])).toEqual([
    { position: 1, text: '{"a":1}\r' },
    { position: 4, text: '{"b":2}' },
  ]);
});

test.each([
  ['laid out', JSON.stringify([{ a: ']' }, { b: [1, '\\"}'] }], null, 2)],
  ['on one line', '[{"a":"]"},{"b":[1,"\\\\\\"}"]}]'],
])('the items of an array that is %s are counted', (_, text) => {
  const items = read(new JsonArrayReader(), [text]);
  expect(items.map(({ position }) => position)).toEqual([1, 2]);
  expect(items.map((item) => JSON.parse(item.text))).toEqual([{ a: ']' }, { b: [1, '\\"}'] }]);
});

test.each(['[]', ' [\n] \n'])('an array may be empty: %j', (text) => {
  expect(read(new JsonArrayReader(), [text])).toEqual([]);
});

test('a comma too many makes an item without text', () => {
  expect(read(new JsonArrayReader(), ['[1,,2,]']).map(({ text }) => text)).toEqual(['1', '', '2', '']);
});

test.each([
  ['does not end', '[\n{"a":1},'],
  ['does not end in an item', '[\n{"a":1'],
  ['goes on after its end', '[\n]]'],
  ['has an item without an end', `[\n{"a":"${'x'.repeat(LONGEST_RECORD)}`],
])('an array that %s is broken, and the line is told', (_, text) => {
  expect(() => read(new JsonArrayReader(), [text])).toThrow(BrokenInput);
  expect(() => read(new JsonArrayReader(), [text])).toThrow(expect.objectContaining({ line: 2 }));
});

test('a line that is too long to be a record is broken', () => {
  expect(() => read(new JsonLineReader(), ['{}\n', ...Array(20).fill('x'.repeat(LONGEST_RECORD / 16))])).toThrow(
    expect.objectContaining({ line: 2 }),
  );
});

test('what JSON.stringify writes is read again, however it is laid out and cut into pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.nat(3), fc.array(fc.nat(200)), (values, indent, cuts) => {
      const pieces = (text: string) => {
        const at = [0, ...[...cuts].sort((a, b) => a - b), text.length];
        return at.slice(1).map((end, i) => text.slice(at[i], end));
      };
      const array = read(new JsonArrayReader(), pieces(JSON.stringify(values, null, indent)));
      const lines = read(new JsonLineReader(), pieces(values.map((value) => JSON.stringify(value)).join('\n')));
      for (const found of [array, lines])
        expect(found.map(({ text }) => JSON.stringify(JSON.parse(text)))).toEqual(
          values.map((value) => JSON.stringify(value)),
        );
    }),
  );
});
