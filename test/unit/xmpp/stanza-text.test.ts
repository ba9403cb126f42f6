import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { legalXmlText } from '../../../component/xmpp/stanza-text.ts';

function isLegal(codePoint: number): boolean {
  if (codePoint === 0x9 || codePoint === 0xa || codePoint === 0xd) return true;
  if (codePoint < 0x20 || codePoint > 0x10ffff) return false;
  return !(codePoint >= 0xd800 && codePoint <= 0xdfff) && codePoint !== 0xfffe && codePoint !== 0xffff;
}

describe('text for the wire', () => {
  test.each([
    ['a control character', 'a\u0000b\u001fc', 'abc'],
    ['a non-character', 'a\ufffeb\uffffc', 'abc'],
    ['a lone high surrogate', 'a\ud83db', 'ab'],
    ['a lone low surrogate', 'a\ude00b', 'ab'],
    ['surrogates in the wrong order', '\ude00\ud83d', ''],
  ])('loses %s', (_, text, legal) => {
    expect(legalXmlText(text)).toBe(legal);
  });

  test.each([
    ['tab, line feed and carriage return', '\t\n\r'],
    ['characters beyond the basic plane', '😀 \u{10ffff}'],
    ['markup', '<presence to="a">&amp;</presence>'],
    ['U+007F to U+009F, which are discouraged but legal', '\u007f\u0080\u009f'],
  ])('keeps %s', (_, text) => {
    expect(legalXmlText(text)).toBe(text);
  });

  test('is what is left when every character outside XML 1.0 Char is taken out', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
        (text) => {
          const legal = [...text].filter((character) => isLegal(character.codePointAt(0) as number)).join('');
          // Two halves that a removed character kept apart are joined in neither: each was alone.
          expect(legalXmlText(text)).toBe(legal);
        },
      ),
    );
  });
});
