import { BrokenInput, LONGEST_RECORD } from './broken-input.ts';

/** A text that should be JSON, and its place from 1: the line, or the item of the array. */
export type JsonText = { readonly position: number; readonly text: string };

/** The lines of JSON Lines (jsonlines.org) as they come, without the blank ones. */
export class JsonLineReader {
  #rest = '';
  #line = 0;

  /** @throws BrokenInput when a line is too long to be a record */
  push(text: string): JsonText[] {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() as string;
    const found = lines.map((line) => ({ position: ++this.#line, text: line }));
    const long = [...found, { position: this.#line + 1, text: this.#rest }].find(
      (one) => one.text.length > LONGEST_RECORD,
    );
    if (long !== undefined)
      throw new BrokenInput(`this line has more than ${LONGEST_RECORD} characters`, long.position);
    return found.filter((one) => one.text.trim() !== '');
  }

  end(): JsonText[] {
    return this.push('\n');
  }
}

/** What it is in: before the array, in it, after it. */
type Place = 'before' | 'within' | 'after';

/** The items of a JSON array as they come, however they are laid out. */
export class JsonArrayReader {
  #place: Place = 'before';
  #item = '';
  #depth = 0;
  #inString = false;
  #afterBackslash = false;
  #position = 0;
  #line = 1;

  /** @throws BrokenInput when it is no array, or an item has no end */
  push(text: string): JsonText[] {
    const items: JsonText[] = [];
    for (const token of text.match(/[^"\\{}[\],\n]+|["\\{}[\],\n]/g) ?? []) {
      if (token === '\n') this.#line++;
      if (this.#place === 'within') this.#within(token, items);
      else if (token.trim() !== '') this.#around(token);
    }
    return items;
  }

  /** @throws BrokenInput when the array does not end */
  end(): JsonText[] {
    if (this.#place !== 'after') throw new BrokenInput('the array does not end', this.#line);
    return [];
  }

  #around(token: string): void {
    if (this.#place === 'after') throw new BrokenInput('there is more after the end of the array', this.#line);
    if (token !== '[') throw new BrokenInput('there is no [ at the beginning', this.#line);
    this.#place = 'within';
  }

  #within(token: string, items: JsonText[]): void {
    if (!this.#inString && this.#depth === 0 && (token === ',' || token === ']')) {
      this.#endItem(token, items);
      return;
    }
    this.#item += token;
    if (this.#item.length > LONGEST_RECORD) {
      throw new BrokenInput(`item ${this.#position + 1} has more than ${LONGEST_RECORD} characters`, this.#line);
    }
    if (this.#inString) {
      this.#inString = this.#afterBackslash || token !== '"';
      this.#afterBackslash = !this.#afterBackslash && token === '\\';
    } else if (token === '"') this.#inString = true;
    else if (token === '{' || token === '[') this.#depth++;
    else if (token === '}' || token === ']') this.#depth--;
  }

  #endItem(token: string, items: JsonText[]): void {
    const isEmptyArray = token === ']' && this.#position === 0 && this.#item.trim() === '';
    if (!isEmptyArray) items.push({ position: ++this.#position, text: this.#item });
    this.#item = '';
    if (token === ']') this.#place = 'after';
  }
}
