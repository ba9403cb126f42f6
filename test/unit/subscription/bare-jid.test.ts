import xml from '@xmpp/xml';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isBareJid } from '../../../component/subscription/bare-jid.ts';
import { legalXmlText } from '../../../component/xmpp/stanza-text.ts';

test.each(['bob@example.net', 'müller@例え.jp', 'a\\27b@example.net', 'example.net', 'bob@[::1]', '😀@example.net'])(
  '%s may be one',
  (text) => expect(isBareJid(text)).toBe(true),
);

test.each([
  '',
  'bob@example.net/home',
  'a"b@c',
  "a'b@c",
  'a<b@c',
  'a&b@c',
  'a\u0000b@c',
  'a\ud800b@c',
  'a\uffffb@c',
  'a\ufffd@c',
  'a b@c',
])('%j is none', (text) => expect(isBareJid(text)).toBe(false));

test('what may be one can stand in an attribute as it is', () => {
  const unit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));
  fc.assert(
    fc.property(fc.string({ unit }), (text) => {
      if (isBareJid(text)) expect(xml.escapeXML(legalXmlText(text))).toBe(text);
    }),
  );
});
