import type { SubscriptionRow } from '../../../component/subscription/subscription-store.ts';
import { readSubscriptions, type SubscriptionSelection } from '../../storage/subscription-reader.ts';
import type { ExitCode } from '../exit-code.ts';
import { print } from '../output.ts';
import { printable } from '../printable.ts';
import { amount, jsonText } from './export.ts';
import { writeInstant } from './subscription-record.ts';

export type ListOptions = {
  readonly only: SubscriptionSelection;
  readonly limit: number;
  readonly json: boolean;
};

/** Shows subscriptions to people, or with `json` each as a line; a gateway may be using the database. @throws StorageError */
export async function listSubscriptions(database: string, { only, limit, json }: ListOptions): Promise<ExitCode> {
  const chunks = upTo(limit, readSubscriptions(database, only));
  return await print(json ? jsonLines(chunks) : table(chunks, limit));
}

type Chunks = Iterable<readonly SubscriptionRow[]>;

function* upTo(limit: number, chunks: Chunks): Generator<readonly SubscriptionRow[]> {
  let left = limit;
  for (const rows of chunks) {
    yield rows.slice(0, left);
    left -= rows.length;
    if (left <= 0) return;
  }
}

function* jsonLines(chunks: Chunks): Generator<string> {
  for (const rows of chunks) yield rows.map(jsonText).join('');
}

/** Columns as wide as the widest so far: that of a row not yet read is not known. */
function* table(chunks: Chunks, limit: number): Generator<string> {
  const header = ['CONTACT', 'WATCHER', 'STATE', 'SINCE (UTC)'];
  const widths = header.map(() => 0);
  let count = 0;
  for (const rows of chunks) {
    const lines = rows.map(({ contact, watcher, state, since }) => [
      ...[printable(contact), printable(watcher), state, writeInstant(since).slice(0, 'yyyy-mm-ddThh:mm:ss'.length)],
    ]);
    if (count === 0) lines.unshift(header);
    for (const line of lines) for (const [i, cell] of line.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
    yield lines
      .map(
        (line) =>
          `${line
            .map((cell, i) => cell.padEnd(widths[i] ?? 0))
            .join('  ')
            .trimEnd()}\n`,
      )
      .join('');
    count += rows.length;
  }
  yield `${count === 0 ? '' : '\n'}${amount(count)}${count === limit ? ' shown; there may be more' : ''}\n`;
}
