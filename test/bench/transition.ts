// npm run bench -- transition [--json]
//
// 1,000 contacts, whose meetings begin at the same second, and one watcher: how long after that second does each of
// the 1,000 presences come out of the watcher's socket?
//
// The floor is what the XMPP server and the client need by themselves: the same 1,000 presences (the same bytes, but
// for a domain of the same length), serialised beforehand, written in one call at the due instant by a second
// component on a bare socket, to the same client over the same Prosody. This process writes them: it sleeps until
// shortly before the instant and then spins, so it is not late as a timer is; it has nothing else to do then.
// The gateway can't be faster: it must wake, look at 1,000 calendars, decide and serialise first.
//
// Both clocks start at the due instant, a whole second of the wall clock; both go to the same other process, which
// notes when it reads each presence. Subject and floor alternate in one run, in turn which goes first. All calendars
// are the same and play in a cycle: a meeting, free, room for the floor. Only the meetings' beginnings are measured.
// The gateway is what `npm run build` made, with its defaults: it commits what it said a second after each change,
// which the cycle keeps away from the floor's rounds. It asks Exchange anew after 4.5 minutes at the earliest, so
// the usual five rounds meet no refresh; many rounds do, as in real life.

import { setTimeout as sleep } from 'node:timers/promises';
import { UNKNOWN } from '../../component/presence/presence.ts';
import { presenceStanza } from '../../component/xmpp/presence-stanza.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../support/exchange-simulator/exchange-simulator.ts';
import { ONLINE } from '../support/house.ts';
import { startProsody } from '../support/prosody.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { type Benchmark, formatSummary, percentile, readable, rounded, runRounds, summarizeRounds } from './harness.ts';
import { everyPair } from './support/filled-database.ts';
import { connectRawComponent, type RawComponent } from './support/raw-component.ts';
import { forkRawSink, type RawSink } from './support/raw-sink.ts';
import { nextTurn } from './support/storm.ts';
import { startSubscribedGateway } from './support/subscribed-gateway.ts';

const CONTACTS = Array.from({ length: 1_000 }, (_, index) => `contact${String(index).padStart(4, '0')}`);
const WATCHER = 'bob';
const SECRET = 'component-secret';
const DOMAIN = 'calendar.example.test';
/** As long as the gateway's. */
const FLOOR_DOMAIN = 'rawfloor.example.test';

/** A meeting begins with each cycle, and ends; well after its end, and well before the next, is the floor's turn. */
const CYCLE = 6_000;
const MEETING = 2_000;
const FLOOR_TURN = 4_000;
/** The calendars reach further than this many milliseconds before the first round. */
const PREPARATION = 120_000;
/** No presence takes longer, or the round fails. */
const LIMIT = 10_000;
/** How long before the due instant the floor stops to sleep: a timer may be some milliseconds late. */
const SPIN = 20;

type Latencies = { first_ms: number; p50_ms: number; p99_ms: number };

export const benchmark: Benchmark = {
  summary: `${CONTACTS.length.toLocaleString('en-US')} meetings begin at the same second: how late their watcher is told (p99: at most 20 ms after raw)`,
  floor:
    'the same presences, serialised beforehand, written at the due instant to the same Prosody by a bare component; both clocks start at that instant',

  async run({ rounds, progress }) {
    const closers: (() => unknown)[] = [];
    try {
      progress('starting Prosody, Exchange and the gateway');
      const folder = makeTempFolder();
      closers.push(() => folder.remove());
      const [prosody, exchange] = await Promise.all([
        startProsody({
          users: [WATCHER],
          component: { domain: DOMAIN, secret: SECRET },
          extraComponentConfig: `Component "${FLOOR_DOMAIN}"\n  component_secret = "${SECRET}"`,
        }),
        startExchangeSimulator(),
      ]);
      closers.push(
        () => prosody.remove(),
        () => exchange.stop(),
      );
      const origin = Math.ceil(Date.now() / 1_000) * 1_000;
      bookMeetings(exchange, prosody.domain, origin, PREPARATION + 2 * rounds * CYCLE);
      const sink = await forkRawSink({
        ...{ port: prosody.c2sPort, domain: prosody.domain },
        ...{ username: WATCHER, password: prosody.passwordOf(WATCHER) },
      });
      closers.push(() => sink.stop());
      const raw = await connectRawComponent({ port: prosody.componentPort, domain: FLOOR_DOMAIN, secret: SECRET });
      closers.push(() => raw.close());
      const gateway = await startSubscribedGateway({
        ...{ server: prosody, url: exchange.url, folder },
        subscriptions: everyPair(CONTACTS, [`${WATCHER}@${prosody.domain}`]),
      });
      closers.push(() => gateway.remove());
      await gateway.waitForLog(ONLINE);
      await allAvailable(sink);

      const burst = floorStanzas(`${WATCHER}@${prosody.domain}`);
      const measured = await runRounds({
        ...{ rounds, progress },
        subject: () => latencies(sink, DOMAIN, nextTurn({ origin, length: CYCLE })),
        floor: async () => {
          const due = nextTurn({ origin, length: CYCLE }, FLOOR_TURN);
          const [found] = await Promise.all([latencies(sink, FLOOR_DOMAIN, due), writeAt(raw, burst, due)]);
          return found;
        },
      });
      return report(summarizeRounds(measured.subject), summarizeRounds(measured.floor));
    } finally {
      for (const close of closers.reverse()) await close();
    }
  },
};

function bookMeetings(exchange: ExchangeSimulator, domain: string, origin: number, length: number): void {
  for (const contact of CONTACTS) {
    const mailbox = `${contact}@${domain}`;
    exchange.calendars.addMailbox(mailbox);
    for (let start = origin; start < origin + length; start += CYCLE) {
      exchange.calendars.book(mailbox, { start, end: start + MEETING, status: 'Busy' });
    }
  }
}

/** Waits until something is known of every contact. */
async function allAvailable(sink: RawSink): Promise<void> {
  const missing = new Set(CONTACTS.map((contact) => fullJid(contact, DOMAIN)));
  while (missing.size > 0) {
    for (const { from, type } of await sink.take(1, LIMIT)) if (type === '') missing.delete(from);
  }
}

function fullJid(contact: string, domain: string): string {
  return `${contact}@${domain}/calendar`;
}

const MANNER = { domain: FLOOR_DOMAIN, language: 'en', priority: 0 };

/** What the gateway says when the meetings begin, from the floor's domain. */
function floorStanzas(watcher: string): Buffer {
  const look = { available: true, show: 'dnd', status: { en: 'In a meeting' } } as const;
  const stanzas = CONTACTS.map((contact) => {
    const { head, tail } = presenceStanza(contact, { ...UNKNOWN, look }, MANNER);
    return head + watcher + tail;
  });
  return Buffer.from(stanzas.join(''));
}

async function writeAt(raw: RawComponent, bytes: Buffer, due: number): Promise<void> {
  await sleep(due - SPIN - Date.now());
  while (Date.now() < due);
  await raw.write(bytes);
}

/** How long after `due` the watcher reads the presence of each contact. */
async function latencies(sink: RawSink, domain: string, due: number): Promise<Latencies> {
  await sleep(due - 500 - Date.now());
  // What came between the turns.
  await sink.take(0, LIMIT);
  const arrivals = await sink.take(CONTACTS.length, LIMIT);
  const senders = new Set(arrivals.filter(({ type }) => type === '').map(({ from }) => from));
  if (arrivals.length !== CONTACTS.length || !CONTACTS.every((contact) => senders.has(fullJid(contact, domain)))) {
    throw new Error(`not one presence of each contact, but ${arrivals.length} of ${senders.size} senders`);
  }
  const late = arrivals.map(({ at }) => at - due);
  // A millisecond for the difference between a clock of whole milliseconds and one of fractions.
  if (Math.min(...late) < -1) throw new Error(`a presence came ${-Math.min(...late)} ms before its time`);
  return { first_ms: Math.min(...late), p50_ms: percentile(late, 50), p99_ms: percentile(late, 99) };
}

type Summaries = ReturnType<typeof summarizeRounds<keyof Latencies>>;

function report(gateway: Summaries, raw: Summaries) {
  const row = (title: string, name: keyof Latencies) => [
    title,
    formatSummary(gateway[name]),
    formatSummary(raw[name]),
    readable(gateway[name].median - raw[name].median),
  ];
  return {
    table: [
      ['ms after the second', 'gateway', 'raw', 'more'],
      row('first', 'first_ms'),
      row('p50', 'p50_ms'),
      row('p99', 'p99_ms'),
    ],
    json: {
      p50_ms: rounded(gateway.p50_ms.median),
      p99_ms: rounded(gateway.p99_ms.median),
      raw_p50_ms: rounded(raw.p50_ms.median),
      raw_p99_ms: rounded(raw.p99_ms.median),
    },
  };
}
