/**
 * XEP-0106: JID Escaping (version 1.1). Lets the local part of a JID carry what RFC 7622 §3.3.1 forbids there,
 * such as the @ of a whole e-mail address: `alice@example.com` ↔ `alice\40example.com`.
 */

/** The ten escapable characters by their two hexadecimal digits (§4, table 3; 5c is the backslash itself). */
const characters: Readonly<Record<string, string>> = {
  '20': ' ',
  '22': '"',
  '26': '&',
  '27': "'",
  '2f': '/',
  '3a': ':',
  '3c': '<',
  '3e': '>',
  '40': '@',
  '5c': '\\',
};

const codes = new Map(Object.entries(characters).map(([code, character]) => [character, code]));

const ESCAPABLE = /[ "&'/:<>@]|\\(?=20|22|26|27|2f|3a|3c|3e|40|5c)/gi;
const ESCAPED = /\\(20|22|26|27|2f|3a|3c|3e|40|5c)/gi;

/** §4.2: a backslash is escaped only where what follows would make it look like an escape. */
export function escapeLocalPart(text: string): string {
  return text.replace(ESCAPABLE, (character) => `\\${codes.get(character)}`);
}

/** §4.3: undoes `escapeLocalPart`; a backslash that begins no escape stays what it is. */
export function unescapeLocalPart(local: string): string {
  return local.replace(ESCAPED, (_, code: string) => characters[code.toLowerCase()] as string);
}
