import { extname } from 'node:path';
import type { SubscriptionRow } from '../../../component/subscription/subscription-store.ts';
import { readSubscriptions } from '../../storage/subscription-reader.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { print, printError, writeWhole } from '../output.ts';
import { csvLine } from './csv.ts';
import { columns, type Format } from './records.ts';
import { writeInstant } from './subscription-record.ts';

export type ExportOptions = {
  /** Default: as the output's name ends, else CSV. */
  readonly format: Format | undefined;
  /** Undefined: standard output. */
  readonly output: string | undefined;
};

/** Writes out all subscriptions; a gateway may be using the database. @throws StorageError */
export async function exportSubscriptions(database: string, { format, output }: ExportOptions): Promise<ExitCode> {
  const named = /^\.(json|jsonl|ndjson)$/i.test(extname(output ?? '')) ? 'json' : 'csv';
  let count = 0;
  function* texts(): Generator<string> {
    count = yield* exportTexts(database, format ?? named);
  }
  if (output === undefined || output === '-') return await print(texts());
  try {
    await writeWhole(output, texts());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    printError(`${output} can’t be written: ${(error as Error).message}`);
    return exitCode.inputOutput;
  }
  return await print(`${amount(count)} written to ${output}\n`);
}

/** All subscriptions of a database as they stand in files, and in the end how many. @throws StorageError */
export function* exportTexts(database: string, format: Format): Generator<string, number> {
  let count = 0;
  // With the first rows: where the database can't be read, nothing is written.
  let header = format === 'csv' ? `${columns.join(',')}\r\n` : '';
  for (const rows of readSubscriptions(database)) {
    count += rows.length;
    yield header + rows.map(format === 'json' ? jsonText : csvText).join('');
    header = '';
  }
  yield header;
  return count;
}

/** A subscription as a line of JSON. */
export function jsonText({ contact, watcher, state, since }: SubscriptionRow): string {
  return `${JSON.stringify({ contact, watcher, state, since: writeInstant(since) })}\n`;
}

function csvText({ contact, watcher, state, since }: SubscriptionRow): string {
  return `${csvLine([contact, watcher, state, writeInstant(since)])}\r\n`;
}

/** As in `1,000 subscriptions`. */
export function amount(count: number): string {
  return `${count.toLocaleString('en-US')} subscription${count === 1 ? '' : 's'}`;
}
