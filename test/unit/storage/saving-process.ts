// A process that saves and deletes subscriptions until it is killed. Prints, a line each, `+n` when the n-th row's save
// was acknowledged, `?n` before it asks to delete it, `-n` when that was acknowledged.
// Arguments: the database, the number of the first row.
import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../../adapters/storage/sqlite-store.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const WRITERS = 8;
const [file, first] = process.argv.slice(2) as [string, string];
let next = Number(first);

async function write(): Promise<never> {
  for (;;) {
    const n = next++;
    const row = { contact: `contact-${n % 7}`, watcher: `${n}@example.com`, state: 'subscribed', since: n } as const;
    await store.saveSubscription(row);
    say(`+${n}`);
    if (n % 3 !== 0) continue;
    say(`?${n}`);
    await store.deleteSubscription(row);
    say(`-${n}`);
  }
}

/** Makes the transactions long, so that a signal meets them in the middle. */
async function writeMuchElse(): Promise<never> {
  const said = Array.from({ length: 2_000 }, (_, i) => ({ contact: `contact-${i}`, said: 'x'.repeat(2_000) }));
  for (;;) await store.saveSaid(said);
}

/** Synchronously: what was acknowledged has left this process when the signal comes. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

const store = await openSqliteStore({ file, logger: new RecordingLogger() });
await Promise.all([writeMuchElse(), ...Array.from({ length: WRITERS }, write)]);
