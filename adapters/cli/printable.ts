/** Others choose some of the words that are printed: none of them commands a terminal, or begins a line of its own. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, ' ');
}
