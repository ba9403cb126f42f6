import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TextBuffer } from '../../../component/xmpp/text-buffer.ts';

test('gives the text in UTF-8, whatever it is and however long', () => {
  const buffer = new TextBuffer();
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20_000), fc.boolean(), (unit, times, isFree) => {
      const text = unit.repeat(unit === '' ? 0 : Math.min(times, 1_000_000 / unit.length));
      expect(Buffer.compare(Buffer.from(buffer.encode(text, isFree)), Buffer.from(text))).toBe(0);
    }),
    { numRuns: 50 },
  );
});

test('what the socket still holds is left as it is', () => {
  const buffer = new TextBuffer();
  const first = buffer.encode('first', true);
  buffer.encode('other', false);
  expect(Buffer.from(first).toString()).toBe('first');
  buffer.encode('third', true);
  expect(Buffer.from(first).toString()).toBe('third');
});
