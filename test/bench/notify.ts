// npm run bench -- notify [--json]
//
// Somebody books a meeting that has begun, or cancels one: how long until the watcher's client reads it?
//
// 2,000 contacts with one watcher; the account may impersonate, so all of them are listened for, in 10 streams of 200.
// In each round 200 calendars change: 150 one after the other, spread over all streams, and 50 at once among them; half
// of the people get into a meeting and half out of one. Measured is from the instant at which the simulator's calendar
// changed to the instant at which the watcher reads the presence from its socket. Each change must bring exactly one
// presence, with the new state.
//
// Nothing here can be faster than the coalescing pause, which the gateway waits after the first hint for a mailbox
// (calendar.coalesce, 1 s by default), so that a burst of edits is asked for once. What comes on top of it: the event
// through the stream, the gathering of what is due into one request (25 ms), free/busy, the decision, Prosody.
//
// Exchange, Prosody, the gateway (what `npm run build` made, with its defaults) and the watcher are processes of their
// own. The routine round of questions goes on meanwhile: by chance it finds a change before its pause is over.

import { setTimeout as sleep } from 'node:timers/promises';
import { calendarSchema } from '../../config/schema/calendar.ts';
import { ONLINE } from '../support/house.ts';
import { type Prosody, startProsody } from '../support/prosody.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { type Benchmark, formatSummary, percentile, readable, rounded, summarizeRounds } from './harness.ts';
import type { ExchangeProcess, MadeChange, PlannedChange } from './support/exchange-process.ts';
import { everyPair } from './support/filled-database.ts';
import { forkHelper, type HelperProcess } from './support/helper-process.ts';
import { type Arrival, forkRawSink, type RawSink } from './support/raw-sink.ts';
import { startSubscribedGateway } from './support/subscribed-gateway.ts';

const CONTACTS = Array.from({ length: 2_000 }, (_, index) => `contact${String(index).padStart(4, '0')}`);
const STREAMS = 10;
const WATCHER = 'bob';
const SECRET = 'component-secret';
const DOMAIN = 'calendar.example.test';

const CHANGES = 200;
/** Each so-many-th change is in the burst; between two of the others are so many milliseconds. */
const BURST_EACH = 4;
const PACE = 50;
/** The contacts of one round lie so far apart: all groups have some. */
const STRIDE = CONTACTS.length / CHANGES;
/** No presence takes longer, or the round fails. */
const LIMIT = 20_000;
const LISTENING_LIMIT = 60_000;
/** What follows a presence and should not. */
const AFTERMATH = 1_500;

const COALESCE = calendarSchema.parse({}).coalesce;
const MOST = COALESCE + 500;

type Latencies = { first_ms: number; p50_ms: number; p99_ms: number; burst_p99_ms: number };

export const benchmark: Benchmark = {
  summary: `${CHANGES} changes among ${CONTACTS.length.toLocaleString('en-US')} streamed mailboxes: from Exchange to the watcher's socket (p99 at most ${MOST} ms)`,
  floor: `the coalescing pause of ${COALESCE} ms, which the gateway waits after a hint by configuration`,

  async run({ rounds, progress }) {
    const closers: (() => unknown)[] = [];
    try {
      progress('starting Prosody, Exchange and the gateway');
      const folder = makeTempFolder();
      closers.push(() => folder.remove());
      const prosody = await startProsody({ users: [WATCHER], component: { domain: DOMAIN, secret: SECRET } });
      closers.push(() => prosody.remove());
      const exchange = forkHelper<ExchangeProcess>(new URL('./support/exchange-process.ts', import.meta.url));
      closers.push(async () => {
        await exchange.call('stop', undefined);
        await exchange.stop();
      });
      const mailboxes = CONTACTS.map((contact) => mailboxOf(contact, prosody));
      const busy = mailboxes.filter((_, index) => Math.floor(index / STRIDE) % 2 === 0);
      const url = await exchange.call('start', { mailboxes, busy });
      const sink = await forkRawSink({
        ...{ port: prosody.c2sPort, domain: prosody.domain },
        ...{ username: WATCHER, password: prosody.passwordOf(WATCHER) },
      });
      closers.push(() => sink.stop());
      const server = { name: 'hq', url, username: 'gateway', passwordFile: 'exchange-password' };
      const gateway = await startSubscribedGateway({
        ...{ server: prosody, url, folder },
        subscriptions: everyPair(CONTACTS, [`${WATCHER}@${prosody.domain}`]),
        overrides: {
          exchange: { servers: [{ ...server, impersonation: true, notifications: { mailboxes: CONTACTS.length } }] },
        },
      });
      closers.push(() => gateway.remove());
      await gateway.waitForLog(ONLINE);
      await allKnown(sink);
      const began = performance.now();
      await allListenedFor(exchange);
      progress(`all streams are open ${readable((performance.now() - began) / 1_000)} s after all is known`);

      const measured: Latencies[] = [];
      for (let round = 0; round < rounds; round++) {
        progress(`round ${round + 1} of ${rounds}`);
        await sink.take(0, LIMIT);
        const plan = planOf(round, prosody);
        const made = await exchange.call('play', plan);
        const arrivals = await sink.take(CHANGES, LIMIT);
        await sleep(AFTERMATH);
        arrivals.push(...(await sink.take(0, LIMIT)));
        measured.push(latencies(plan, made, arrivals));
      }
      return report(summarizeRounds(measured));
    } finally {
      for (const close of closers.reverse()) await close();
    }
  },
};

function mailboxOf(contact: string, { domain }: Pick<Prosody, 'domain'>): string {
  return `${contact}@${domain}`;
}

/** Waits until something is known of every contact. */
async function allKnown(sink: RawSink): Promise<void> {
  const missing = new Set(CONTACTS);
  while (missing.size > 0) {
    for (const { from, type } of await sink.take(1, LIMIT)) if (type === '') missing.delete(contactOf(from));
  }
}

async function allListenedFor(exchange: HelperProcess<ExchangeProcess>): Promise<void> {
  const deadline = performance.now() + LISTENING_LIMIT;
  for (;;) {
    const { streams, mailboxes } = await exchange.call('listening', undefined);
    if (mailboxes === CONTACTS.length && streams === STREAMS) return;
    if (performance.now() > deadline) throw new Error(`${streams} streams for ${mailboxes} mailboxes`);
    await sleep(100);
  }
}

/** The changes of a round: another contact each, and each of them again after ten rounds. */
function planOf(round: number, prosody: Prosody): PlannedChange[] {
  const middle = (CHANGES / 2) * PACE;
  const changes = Array.from({ length: CHANGES }, (_, index) => ({
    mailbox: mailboxOf(CONTACTS[index * STRIDE + (round % STRIDE)] as string, prosody),
    after: index % BURST_EACH === 0 ? middle : index * PACE,
  }));
  return changes.sort((a, b) => a.after - b.after);
}

/** How long after each change the watcher read it; throws unless there is one presence for each, and it is right. */
function latencies(
  plan: readonly PlannedChange[],
  made: readonly MadeChange[],
  arrivals: readonly Arrival[],
): Latencies {
  const arrived = new Map(arrivals.map((arrival) => [contactOf(arrival.from), arrival]));
  if (arrivals.length !== CHANGES) throw new Error(`${arrivals.length} presences for ${CHANGES} changes`);
  const burst = plan.filter(({ after }, index) => after === plan[index - 1]?.after || after === plan[index + 1]?.after);
  const inBurst = new Set(burst.map(({ mailbox }) => mailbox));
  const all: number[] = [];
  const ofBurst: number[] = [];
  for (const { mailbox, at, isBusy } of made) {
    const arrival = arrived.get(contactOf(mailbox));
    if (arrival === undefined) throw new Error(`no presence of ${mailbox}`);
    if (arrival.type !== '' || arrival.show !== (isBusy ? 'dnd' : '')) {
      throw new Error(
        `${mailbox} is ${isBusy ? 'in a meeting' : 'free'}, and shown as "${arrival.type}${arrival.show}"`,
      );
    }
    all.push(arrival.at - at);
    if (inBurst.has(mailbox)) ofBurst.push(arrival.at - at);
  }
  return {
    first_ms: Math.min(...all),
    p50_ms: percentile(all, 50),
    p99_ms: percentile(all, 99),
    burst_p99_ms: percentile(ofBurst, 99),
  };
}

function contactOf(address: string): string {
  return address.slice(0, address.indexOf('@'));
}

function report(summary: ReturnType<typeof summarizeRounds<keyof Latencies>>) {
  const row = (title: string, name: keyof Latencies) => [
    title,
    formatSummary(summary[name]),
    readable(summary[name].median - COALESCE),
  ];
  return {
    table: [
      ['ms after the calendar changed', 'watcher', 'beyond the pause'],
      row('first', 'first_ms'),
      row('p50', 'p50_ms'),
      row('p99', 'p99_ms'),
      row('p99 of 50 changes at once', 'burst_p99_ms'),
    ],
    json: {
      p50_ms: rounded(summary.p50_ms.median),
      p99_ms: rounded(summary.p99_ms.median),
      burst_p99_ms: rounded(summary.burst_p99_ms.median),
      coalesce_ms: COALESCE,
    },
  };
}
