import { BrokenInput } from './broken-input.ts';
import { CsvReader, type CsvRecord } from './csv.ts';
import { JsonArrayReader, JsonLineReader, type JsonText } from './json.ts';

export type Format = 'csv' | 'json';

/** What a record may say of a subscription; the first two it must. */
export const columns = ['contact', 'watcher', 'state', 'since'] as const;
type Column = (typeof columns)[number];
export type Fields = Partial<Readonly<Record<Column, string>>>;

/** A record as it was written, or why it is none; the position is that of a line, or of an item of an array, from 1. */
export type InputRecord =
  | { readonly position: number; readonly fields: Fields }
  | { readonly position: number; readonly fault: string };

export type Input = {
  /** What positions count. */
  readonly unit: 'line' | 'item';
  /** @throws BrokenInput when it goes on in a way that can't be understood */
  readonly records: AsyncIterable<readonly InputRecord[]>;
};

/** What one of the formats is read with. */
type Reader = { push(text: string): InputRecord[]; end(): InputRecord[] };

/** As much as a header may take. */
const LONGEST_HEAD = 4_096;

/**
 * Reads CSV with a header, JSON Lines, or a JSON array of objects, as it comes.
 *
 * @param format undefined: what begins with a bracket is JSON
 * @throws BrokenInput when it can't be understood from the beginning on
 */
export async function readRecords(bytes: AsyncIterable<Uint8Array>, format?: Format): Promise<Input> {
  const texts = decode(bytes);
  let head = '';
  let isAtEnd = false;
  while (!isAtEnd && head.length < LONGEST_HEAD && !/\S.*[\r\n]/.test(head)) {
    const { value, done } = await texts.next();
    isAtEnd = done === true;
    head += value ?? '';
  }
  const start = head.trimStart();
  const isJson = format === undefined ? /^[[{]/.test(start) : format === 'json';
  const isArray = isJson && start.startsWith('[');
  const reader = isJson ? jsonReader(isArray ? new JsonArrayReader() : new JsonLineReader()) : csvReader(start);
  return { unit: isArray ? 'item' : 'line', records: recordsOf(reader, head, texts) };
}

async function* recordsOf(
  reader: Reader,
  head: string,
  rest: AsyncIterable<string>,
): AsyncGenerator<readonly InputRecord[]> {
  yield reader.push(head);
  for await (const text of rest) yield reader.push(text);
  yield reader.end();
}

/** UTF-8, a byte order mark taken off. */
async function* decode(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let line = 1;
  const checked = (text: string) => {
    // What stands for bytes that can't be decoded. No address may have it (RFC 7622 §3.3.1, RFC 8264 §9.11).
    const fault = text.indexOf('\ufffd');
    line += text.slice(0, fault === -1 ? undefined : fault).split('\n').length - 1;
    if (fault !== -1) throw new BrokenInput('here are bytes that are not UTF-8: save the file as UTF-8', line);
    return text;
  };
  for await (const chunk of bytes) yield checked(decoder.decode(chunk, { stream: true }));
  yield checked(decoder.decode());
}

function csvReader(start: string): Reader {
  const header = start.slice(0, /[\r\n]|$/.exec(start)?.index);
  // What spreadsheets call CSV in countries where the comma stands in numbers.
  const csv = new CsvReader(!header.includes(',') && header.includes(';') ? ';' : ',');
  let names: readonly Column[] | undefined;
  const recordOf = ({ line: position, fields, fault }: CsvRecord): InputRecord => {
    if (fault !== undefined) return { position, fault };
    const expected = names?.length ?? 0;
    if (fields.length !== expected) {
      return { position, fault: `there are ${fields.length} columns, and not ${expected} as in the header` };
    }
    return { position, fields: Object.fromEntries(fields.map((field, i) => [names?.[i], field])) };
  };
  const takeHeader = (records: CsvRecord[]) => {
    if (names === undefined && records.length > 0) names = columnsIn(records.shift() as CsvRecord);
    return records.map(recordOf);
  };
  return {
    push: (text) => takeHeader(csv.push(text)),
    end() {
      const records = takeHeader(csv.end());
      if (names === undefined) throw new BrokenInput(`it is empty: there is no header (${columns.join(',')})`);
      return records;
    },
  };
}

function columnsIn({ line, fields, fault }: CsvRecord): readonly Column[] {
  const names = fields.map((field) => field.trim().toLowerCase());
  const unknown = names.find((name) => !isColumn(name));
  const twice = names.find((name, i) => names.indexOf(name) < i);
  const missing = columns.slice(0, 2).find((name) => !names.includes(name));
  const wrong =
    fault ??
    (unknown !== undefined ? `the header has an unknown column “${unknown}”` : undefined) ??
    (twice !== undefined ? `the header has ${twice} twice` : undefined) ??
    (missing !== undefined ? `the header lacks ${missing}` : undefined);
  if (wrong !== undefined) throw new BrokenInput(`${wrong}; the columns are ${columns.join(', ')}`, line);
  return names.filter(isColumn);
}

function isColumn(name: string): name is Column {
  return (columns as readonly string[]).includes(name);
}

function jsonReader(texts: { push(text: string): JsonText[]; end(): JsonText[] }): Reader {
  return {
    push: (text) => texts.push(text).map(jsonRecord),
    end: () => texts.end().map(jsonRecord),
  };
}

function jsonRecord({ position, text }: JsonText): InputRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { position, fault: 'this is no JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { position, fault: `this is no object, as in {"contact":"alice","watcher":"bob@example.com"}` };
  }
  for (const [key, field] of Object.entries(value)) {
    if (!isColumn(key)) return { position, fault: `there is no key “${key}”; the keys are ${columns.join(', ')}` };
    if (typeof field !== 'string') return { position, fault: `${key} is no text` };
  }
  return { position, fields: value as Fields };
}
