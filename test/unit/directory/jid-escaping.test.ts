import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeLocalPart, unescapeLocalPart } from '../../../component/directory/jid-escaping.ts';

// XEP-0106 §5, examples: what a person knows, and what stands in the JID.
describe.each([
  ['space cadet', 'space\\20cadet'],
  ['call me "ishmael"', 'call\\20me\\20\\22ishmael\\22'],
  ['at&t guy', 'at\\26t\\20guy'],
  ["d'artagnan", 'd\\27artagnan'],
  ['/.fanboy', '\\2f.fanboy'],
  ['::foo::', '\\3a\\3afoo\\3a\\3a'],
  ['<foo>', '\\3cfoo\\3e'],
  ['user@host', 'user\\40host'],
  ['c:\\net', 'c\\3a\\net'],
  ['c:\\\\net', 'c\\3a\\\\net'],
  ['c:\\cool stuff', 'c\\3a\\cool\\20stuff'],
  ['c:\\5commas', 'c\\3a\\5c5commas'],
])('%s', (text, local) => {
  test('is escaped as XEP-0106 says', () => expect(escapeLocalPart(text)).toBe(local));
  test('comes back', () => expect(unescapeLocalPart(local)).toBe(text));
});

const local = fc.string({
  unit: fc.oneof(fc.constantFrom(...' "&\'/:<>@\\25acef0346'), fc.string({ minLength: 1, maxLength: 1 })),
});

test('every text comes back from its escaped form', () => {
  fc.assert(
    fc.property(local, (text) => {
      expect(unescapeLocalPart(escapeLocalPart(text))).toBe(text);
    }),
  );
});

test('an escaped text has none of the characters that RFC 7622 forbids in a local part', () => {
  fc.assert(
    fc.property(local, (text) => {
      expect(escapeLocalPart(text)).not.toMatch(/[ "&'/:<>@]/);
    }),
  );
});
