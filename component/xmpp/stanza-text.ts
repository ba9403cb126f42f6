// Everything outside the Char production of XML 1.0 §2.2; with the `u` flag a lone surrogate is one of them.
const ILLEGAL = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

/**
 * The text without the characters that XML 1.0 has no way to write (§2.2), lone surrogates included.
 *
 * xmpp.js writes them as they are, and the server then closes the whole stream. A text without any is returned
 * as it is; looking costs about 0.15 ms for 500 stanzas.
 */
export function legalXmlText(text: string): string {
  return text.replace(ILLEGAL, '');
}

const REFERENCE = /&(?:#x([0-9a-fA-F]+);|#([0-9]+);|(amp|lt|gt|quot|apos);)?/g;
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * What a piece of text or an attribute's value stands for (XML 1.0 §4.1; RFC 6120 §11.1 leaves five entities);
 * undefined when it holds a character that XML has no way to write, or a reference to nothing.
 */
export function readXmlText(raw: string): string | undefined {
  if (raw.search(ILLEGAL) !== -1) return undefined;
  if (!raw.includes('&')) return raw;
  let isSound = true;
  const text = raw.replace(REFERENCE, (_, hex?: string, decimal?: string, name?: string) => {
    const character = name === undefined ? characterOf(hex ? Number.parseInt(hex, 16) : Number(decimal)) : NAMED[name];
    isSound &&= character !== undefined;
    return character ?? '';
  });
  return isSound ? text : undefined;
}

/** The character of XML 1.0 with this code point; undefined when there is none. */
function characterOf(codePoint: number): string | undefined {
  if (!(codePoint <= 0x10ffff)) return undefined;
  const character = String.fromCodePoint(codePoint);
  return character.search(ILLEGAL) === -1 ? character : undefined;
}
