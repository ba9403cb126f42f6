import { BrokenInput, LONGEST_RECORD } from './broken-input.ts';

/** A record and the line that it begins on, from 1. With a `fault` the fields are not to be trusted. */
export type CsvRecord = { readonly line: number; readonly fields: readonly string[]; readonly fault?: string };

/**
 * Where in a record:
 * - `start`: a field begins; `plain`: in one without quotes; `quoted`: in one with
 * - `quote`: after a quote in a quoted field: its end, or the first half of an escaped one
 */
type Place = 'start' | 'plain' | 'quoted' | 'quote';

/**
 * Takes CSV apart as it comes: RFC 4180, with any of its line ends CR LF, LF and CR. Records without any text, as
 * spreadsheets put them at the end, are passed over.
 */
export class CsvReader {
  readonly #separator: string;
  readonly #tokens: RegExp;
  #place: Place = 'start';
  #fields: string[] = [];
  #field = '';
  #fault: string | undefined;
  #line = 1;
  #recordLine = 1;
  #size = 0;
  #afterCr = false;

  constructor(separator: string) {
    this.#separator = separator;
    this.#tokens = new RegExp(`[^"\\r\\n${separator}]+|["\\r\\n${separator}]`, 'g');
  }

  /** @throws BrokenInput when a record has no end */
  push(text: string): CsvRecord[] {
    const records: CsvRecord[] = [];
    for (const token of text.match(this.#tokens) ?? []) {
      const isSecondHalf = this.#afterCr && token === '\n';
      const isLineEnd = token === '\r' || token === '\n';
      this.#afterCr = token === '\r';
      if (isLineEnd && !isSecondHalf) this.#line++;
      this.#size += token.length;
      if (this.#place === 'quoted') this.#inQuotes(token);
      else if (!isLineEnd) this.#outsideQuotes(token);
      else if (!isSecondHalf) this.#endRecord(records);
      if (this.#size > LONGEST_RECORD) throw this.#endless(`has more than ${LONGEST_RECORD} characters`);
    }
    return records;
  }

  /** @throws BrokenInput when the last record has no end */
  end(): CsvRecord[] {
    if (this.#place === 'quoted') throw this.#endless('does not end');
    const records: CsvRecord[] = [];
    this.#endRecord(records);
    return records;
  }

  #inQuotes(token: string): void {
    if (token === '"') this.#place = 'quote';
    else this.#field += token;
  }

  #outsideQuotes(token: string): void {
    if (token === this.#separator) this.#endField();
    else if (token !== '"') {
      if (this.#place === 'quote') this.#fault ??= 'there is text between the end of the quotes and the next column';
      this.#place = 'plain';
      this.#field += token;
    } else if (this.#place === 'start') this.#place = 'quoted';
    else if (this.#place === 'quote') {
      this.#field += '"';
      this.#place = 'quoted';
    } else {
      this.#fault ??= 'there is a quote in a column that does not begin with one';
      this.#field += '"';
    }
  }

  #endField(): void {
    this.#fields.push(this.#field);
    this.#field = '';
    this.#place = 'start';
  }

  #endRecord(records: CsvRecord[]): void {
    this.#endField();
    const [line, fields, fault] = [this.#recordLine, this.#fields, this.#fault];
    if (fields.some((field) => field.trim() !== '')) {
      records.push(fault === undefined ? { line, fields } : { line, fields, fault });
    }
    this.#fields = [];
    this.#fault = undefined;
    this.#recordLine = this.#line;
    this.#size = 0;
  }

  #endless(what: string): BrokenInput {
    return new BrokenInput(`the record that begins here ${what}: is a closing quote missing?`, this.#recordLine);
  }
}

/**
 * A line of CSV (RFC 4180), without its end.
 *
 * Nothing is done against spreadsheets that take `=…` for a formula: a local part can't hold what a formula needs to do
 * harm (RFC 7622 §3.3.1: no quotes, no slash, no colon), and a mark before it would be another address when read back.
 */
export function csvLine(fields: readonly string[]): string {
  return fields.map((field) => (/[",\r\n]|^\s|\s$/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',');
}
