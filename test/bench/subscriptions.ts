// npm run bench -- subscriptions [--json]
//
// The gateway starts with 1,000,000 subscriptions in its database: 100,000 watchers with 10 contacts each, 100,000
// contacts with 10 watchers each, and a calendar with ten meetings for each of them. How long until it answers, until
// all is loaded, and how much memory does it take? Then other users subscribe, as fast as it can answer.
//
// A process that speaks the server's side of XEP-0114 stands for the server: as soon as the gateway has shaken hands it
// probes 100 contacts at once, spread over the alphabet. Time goes from the start of the gateway's process to each right
// answer: half of the contacts are in a meeting, and which half is known. All is loaded when the gateway says so in its
// log. Memory is the process's resident set (VmRSS) when all is loaded and everything has been said once, and the most
// it ever was (VmHWM); neither after a garbage collection that would not have come by itself.
//
// Subscribing: users who are not in the database yet, each for one contact that is known, sent as fast as the gateway
// reads. Each answer, `subscribed`, is sent after its row is on the disk. What one transaction takes alone is measured
// beside it: with the same database, the rows of as many subscriptions, 250 in a transaction, by SQLite alone.
//
// The gateway is what `npm run build` made, with its defaults, but that everything is said again at 100,000 a second
// instead of 2,000, so that it comes to rest. Exchange is silent.

import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { buildTimeline } from '../../component/calendar/timeline.ts';
import type { MailboxRecord } from '../../component/calendar/timeline-store.ts';
import { HOUR, MINUTE, SECOND } from '../../component/runtime/clock.ts';
import { ONLINE } from '../support/house.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';
import { type Benchmark, formatSummary, percentile, readable, summarizeRounds } from './harness.ts';
import type { ComponentStub } from './support/component-stub-process.ts';
import type { Watching } from './support/filled-database.ts';
import { forkHelper, type HelperProcess } from './support/helper-process.ts';
import { preciseNow } from './support/raw-sink.ts';
import { COMPONENT, memoryOf, NO_EXCHANGE, names } from './support/storm.ts';
import { startSubscribedGateway } from './support/subscribed-gateway.ts';

const CONTACTS = names('contact', 100_000);
const WATCHERS_EACH = 10;
/** A prime, so that a contact's watchers are far apart. */
const STRIDE = 9_973;
const DOMAIN = 'example.test';
const PROBES = 100;
const SUBSCRIBES = 50_000;
const GROUP = 250;
const LIMIT = 120_000;

type Round = {
  first_presence_ms: number;
  loaded_ms: number;
  rss_mib: number;
  rss_peak_mib: number;
  subscribe_per_s: number;
  rows_per_s: number;
};

export const benchmark: Benchmark = {
  summary:
    '1,000,000 subscriptions: memory (≤ 350 MiB), first right answers (p99 ≤ 3 s after the start), and subscribing',
  floor: 'for subscribing: the rows of as many subscriptions, 250 in a transaction, by SQLite alone',

  async run({ rounds, progress }) {
    const measured: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      progress(`round ${round + 1} of ${rounds}`);
      measured.push(await runRound(progress));
    }
    const all = summarizeRounds(measured);
    return {
      table: [
        ['', ''],
        ['ms to the right answer to 100 probes, p99', formatSummary(all.first_presence_ms)],
        ['ms until all is loaded', formatSummary(all.loaded_ms)],
        ['RSS when all is said, MiB', formatSummary(all.rss_mib)],
        ['RSS, the most, MiB', formatSummary(all.rss_peak_mib)],
        ['subscriptions a second', formatSummary(all.subscribe_per_s)],
        ['rows a second by SQLite alone', formatSummary(all.rows_per_s)],
      ],
      json: {
        rss_mib: Math.round(all.rss_mib.median),
        rss_peak_mib: Math.round(all.rss_peak_mib.median),
        first_presence_ms: Math.round(all.first_presence_ms.median),
        loaded_ms: Math.round(all.loaded_ms.median),
        subscribe_per_s: Math.round(all.subscribe_per_s.median),
        subscribe_over_sqlite: Number(readable(all.subscribe_per_s.median / all.rows_per_s.median)),
      },
    };
  },
};

async function runRound(progress: (line: string) => void): Promise<Round> {
  const closers: (() => unknown)[] = [];
  try {
    const folder = makeTempFolder();
    closers.push(() => folder.remove());
    const stub = forkHelper<ComponentStub>(new URL('./support/component-stub-process.ts', import.meta.url));
    closers.push(() => stub.stop());
    const port = await stub.call('listen', undefined);
    progress('filling the database');
    await stub.call('count', '<presence');
    let started = 0;
    const gateway = await startSubscribedGateway({
      ...{ url: NO_EXCHANGE, folder, server: { componentPort: port, domain: DOMAIN, component: COMPONENT } },
      ...{ subscriptions: subscriptions(), mailboxes: mailboxes() },
      overrides: { xmpp: { repeatRate: 100_000 } },
      onStart: () => {
        started = preciseNow();
      },
    });
    closers.push(() => gateway.remove());
    await stub.call('connected', LIMIT);
    const answered = await probe(stub, started);
    const { time } = await gateway.waitForLog(ONLINE, LIMIT);
    const loaded_ms = Date.parse(String(time)) - started;
    await stub.call('until', { times: CONTACTS.length * WATCHERS_EACH, limit: LIMIT });
    await sleep(2_000);
    const rss_mib = memoryOf(gateway.pid, 'VmRSS');
    const subscribe_per_s = await subscribe(stub);
    const rss_peak_mib = memoryOf(gateway.pid, 'VmHWM');
    await gateway.stop();
    await stub.call('stop', undefined);
    const rows_per_s = rowsBySqlite(folder);
    return {
      first_presence_ms: percentile(answered, 99),
      loaded_ms,
      rss_mib,
      rss_peak_mib,
      subscribe_per_s,
      rows_per_s,
    };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

function* subscriptions(): Generator<Watching> {
  for (const [index, contact] of CONTACTS.entries()) {
    for (let k = 0; k < WATCHERS_EACH; k++) yield { contact, watcher: watcherOf(index, k) };
  }
}

function watcherOf(contact: number, k: number): string {
  return `watcher${String((contact + k * STRIDE) % CONTACTS.length).padStart(5, '0')}@${DOMAIN}`;
}

/** Ten meetings each, of different lengths; those with an even number are in one now. */
function mailboxes(): MailboxRecord[] {
  const now = Date.now();
  const window = { start: now - HOUR, end: now + 48 * HOUR };
  return CONTACTS.map((contact, index) => {
    const meetings = Array.from({ length: 10 }, (_, n) => {
      const start = now + (n * 4 - (isBusy(index) ? 0.5 : -0.5)) * HOUR + (index % 60) * SECOND;
      return { start, end: start + (45 + (index % 4) * 15) * MINUTE, status: 'Busy' as const };
    });
    return { mailbox: `${contact}@${DOMAIN}`, timeline: buildTimeline(meetings, window, now), goneSince: undefined };
  });
}

function isBusy(index: number): boolean {
  return index % 2 === 0;
}

/** Milliseconds from the start of the gateway to each of the answers; throws unless all are right. */
async function probe(stub: HelperProcess<ComponentStub>, started: number): Promise<number[]> {
  const indices = Array.from({ length: PROBES }, (_, n) =>
    Math.floor(((n + Math.random()) * CONTACTS.length) / PROBES),
  );
  const questions = indices.map((index, n) => ({
    contact: `${CONTACTS[index]}@${COMPONENT.domain}`,
    client: `${watcherOf(index, n % WATCHERS_EACH)}/probe${n}`,
  }));
  const began = preciseNow();
  const answers = await stub.call('probe', { questions, pause: 0, limit: LIMIT });
  for (const [n, { stanza }] of answers.entries()) {
    const isRight = stanza.includes('<show>dnd</show>') === isBusy(indices[n] as number) && !stanza.includes('type=');
    if (!isRight) throw new Error(`${CONTACTS[indices[n] as number]} was answered with ${stanza}`);
  }
  return answers.map(({ latency }) => began - started + latency);
}

/** Subscriptions of new watchers that are answered in a second. */
async function subscribe(stub: HelperProcess<ComponentStub>): Promise<number> {
  await stub.call('count', ' type="subscribed"');
  const began = preciseNow();
  const stanzas = Array.from({ length: SUBSCRIBES }, (_, n) => {
    const contact = CONTACTS[(n * STRIDE) % CONTACTS.length];
    return `<presence type='subscribe' from='new${n}@${DOMAIN}' to='${contact}@${COMPONENT.domain}'/>`;
  });
  await stub.call('write', stanzas.join(''));
  const { last } = await stub.call('until', { times: SUBSCRIBES, limit: LIMIT });
  return (SUBSCRIBES / (last - began)) * 1_000;
}

/** As many rows in the same database, in transactions of the store's size. */
function rowsBySqlite(folder: TempFolder): number {
  const database = new DatabaseSync(folder.file('gateway.db'));
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    const insert = database.prepare(
      "INSERT INTO subscriptions (contact, watcher, state, since) VALUES (?, ?, 'subscribed', ?)",
    );
    const began = preciseNow();
    for (let n = 0; n < SUBSCRIBES; n++) {
      if (n % GROUP === 0) database.exec('BEGIN IMMEDIATE');
      insert.run(CONTACTS[(n * STRIDE) % CONTACTS.length] as string, `other${n}@${DOMAIN}`, Date.now());
      if (n % GROUP === GROUP - 1) database.exec('COMMIT');
    }
    return (SUBSCRIBES / (preciseNow() - began)) * 1_000;
  } finally {
    database.close();
  }
}
