// Characters, references and line ends of XML 1.0 (fifth edition).

/** Escapes a text for use as element content or in a double-quoted attribute (§2.4). */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Whether a text has only characters that an XML 1.0 document may hold (§2.2). */
export function isXmlText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return !/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Surrogate}/u.test(text);
}

/** A text that is no well-formed XML, or goes beyond a limit. */
export class XmlError extends Error {
  override readonly name = 'XmlError';
}

/** The longest reference, so that a cut one need not be waited for for ever; the characters between `&` and `;`. */
const REFERENCE = 32;
const references = new RegExp(`&([^;&<]{0,${REFERENCE}})(;?)`, 'g');

/**
 * The text that a piece of character data stands for (§2.4, §2.11, §4.1): line ends made one, references replaced.
 *
 * @throws XmlError on a character that XML may not hold, a `]]>`, and any reference but XML's five and characters
 */
export function decodeText(raw: string): string {
  if (raw.includes(']]>')) throw new XmlError('the end of a CDATA section without its beginning');
  return expandReferences(decodeCdata(raw));
}

/** The text that a piece of a CDATA section stands for. */
export function decodeCdata(raw: string): string {
  checkCharacters(raw);
  return raw.includes('\r') ? raw.replace(/\r\n?/g, '\n') : raw;
}

/** The value that an attribute's literal, without its quotes, stands for (§3.3.3). */
export function decodeAttribute(raw: string): string {
  checkCharacters(raw);
  return expandReferences(raw.replace(/\r\n|[\r\n\t]/g, ' '));
}

/** @throws XmlError on a character that XML may not hold */
export function checkCharacters(text: string): void {
  if (!isXmlText(text)) throw new XmlError('a character that XML may not hold');
}

/** How many characters at the end of a piece mean nothing without what follows: half of a pair, or of a reference. */
export function openEnd(piece: string): number {
  const end = piece.slice(-REFERENCE - 1);
  return /(?:&[^;&<]*|\]{1,2}|\r|[\ud800-\udbff])$/.exec(end)?.[0].length ?? 0;
}

function expandReferences(text: string): string {
  return text.includes('&') ? text.replace(references, expandReference) : text;
}

function expandReference(_all: string, name: string, end: string): string {
  if (end === '') throw new XmlError('an & that begins no reference');
  const character = entities.get(name) ?? numberedCharacter(name);
  if (character === undefined) throw new XmlError('an undefined entity');
  return character;
}

const entities: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

function numberedCharacter(name: string): string | undefined {
  const [all, hexadecimal, decimal] = /^#(?:x([0-9a-fA-F]+)|([0-9]+))$/.exec(name) ?? [];
  if (all === undefined) return undefined;
  const code = hexadecimal === undefined ? Number(decimal) : Number.parseInt(hexadecimal, 16);
  const character = code <= 0x10ffff ? String.fromCodePoint(code) : '\0';
  checkCharacters(character);
  return character;
}
