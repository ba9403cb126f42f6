/**
 * Whether a text fits a pattern, in which `*` stands for any characters, none too.
 *
 * No regular expression: with several `*` those can take for ever, and patterns are tried for each of many mailboxes.
 */
export function matchesPattern(text: string, pattern: string): boolean {
  let [at, place] = [0, 0];
  // Where the last * stood, and how far it reaches at present.
  let [star, reach] = [-1, 0];
  while (at < text.length) {
    if (pattern[place] === '*') {
      star = place++;
      reach = at;
    } else if (pattern[place] === text[at]) {
      place++;
      at++;
    } else if (star >= 0) {
      place = star + 1;
      at = ++reach;
    } else return false;
  }
  while (pattern[place] === '*') place++;
  return place === pattern.length;
}
