// npm run bench -- fan-out [--json]
//
// 600 contacts with 100 watchers each, and all meetings begin at the same second: 60,000 presences at once. How fast are
// they delivered, and what does each of them cost the gateway's process?
//
// The floor is a component on a bare socket, in a process of its own: the same 60,000 presences, serialised beforehand
// (the same bytes, but for a domain of the same length), written in one call. Both speak to the same 100 clients through
// the same server; the clients are one more process, which counts and does nothing else. Subject and floor alternate, in
// turn which goes first, and the whole is done on Prosody and on ejabberd.
//
// The rate is 60,000 by the time from the due instant to the last presence in a client's socket. The server bounds it:
// what can be lost is what the gateway's windows leave the server idle for. Processor time is what the kernel has
// counted for all threads of the process, from before the due instant until the last presence has come. The gateway's
// contains all that it does meanwhile: waking, deciding, serialising, the acknowledgements of its windows, saving what
// was said, asking Exchange whose turn it is, and its garbage collection.
//
// The gateway is what `npm run build` made, with its defaults.

import { setTimeout as sleep } from 'node:timers/promises';
import { UNKNOWN } from '../../component/presence/presence.ts';
import { presenceStanza } from '../../component/xmpp/presence-stanza.ts';
import { startEjabberd } from '../support/ejabberd.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../support/exchange-simulator/exchange-simulator.ts';
import { ONLINE } from '../support/house.ts';
import { startProsody } from '../support/prosody.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import type { XmppServer } from '../support/xmpp-server.ts';
import { type Benchmark, formatSummary, readable, runRounds, summarizeRounds } from './harness.ts';
import type { CrowdProcess } from './support/crowd-process.ts';
import { forkHelper } from './support/helper-process.ts';
import { processorTime } from './support/processor-time.ts';
import type { RawWriter } from './support/raw-writer-process.ts';
import { startSubscribedGateway } from './support/subscribed-gateway.ts';

const CONTACTS = Array.from({ length: 600 }, (_, index) => `contact${String(index).padStart(4, '0')}`);
const WATCHERS = Array.from({ length: 100 }, (_, index) => `watcher${String(index).padStart(2, '0')}`);
const PRESENCES = CONTACTS.length * WATCHERS.length;
const COMPONENT = { domain: 'calendar.example.test', secret: 'component-secret' };
/** As long as the gateway's. */
const FLOOR = { domain: 'rawfloor.example.test', secret: 'component-secret' };

/** A meeting begins with each cycle, and ends; well after its end, and well before the next, is the floor's turn. */
const CYCLE = 36_000;
const MEETING = 12_000;
const FLOOR_TURN = 24_000;
/** The calendars reach further than this many milliseconds before the first round. */
const PREPARATION = 120_000;
/** No delivery takes longer, or the round fails. */
const LIMIT = 60_000;
const IN_A_MEETING = '<show>dnd</show>';

const servers = {
  prosody: () =>
    startProsody({
      ...{ users: WATCHERS, component: COMPONENT },
      extraComponentConfig: `Component "${FLOOR.domain}"\n  component_secret = "${FLOOR.secret}"`,
    }),
  ejabberd: () => startEjabberd({ users: WATCHERS, component: COMPONENT, moreComponents: [FLOOR] }),
};

type FanOut = { rate: number; wall_ms: number; cpu_us: number };

export const benchmark: Benchmark = {
  summary: `${PRESENCES.toLocaleString('en-US')} presences at once, through Prosody and ejabberd (at least 0.95 × the raw rate, at most 2 × the raw writer's processor time)`,
  floor: 'the same presences, serialised beforehand, written in one call by a bare component in a process of its own',

  async run({ rounds, progress }) {
    const table: string[][] = [['', 'gateway', 'raw', '']];
    const results: Record<string, Record<string, number>> = {};
    for (const [name, start] of Object.entries(servers)) {
      progress(`on ${name}`);
      const { ours, raw } = await measure(await start(), rounds, progress);
      const rate = ours.rate.median / raw.rate.median;
      const cpu = ours.cpu_us.median / raw.cpu_us.median;
      table.push(
        [`${name}: presences a second`, formatSummary(ours.rate), formatSummary(raw.rate), `${readable(rate)} ×`],
        ['  milliseconds for all', formatSummary(ours.wall_ms), formatSummary(raw.wall_ms)],
        ['  processor, µs for each', formatSummary(ours.cpu_us), formatSummary(raw.cpu_us), `${readable(cpu)} ×`],
      );
      results[name] = { rate_over_raw: rounded(rate), cpu_over_raw: rounded(cpu) };
    }
    const { prosody, ...others } = results;
    return { table, json: { ...prosody, ...others } };
  },
};

async function measure(server: XmppServer, rounds: number, progress: (line: string) => void) {
  const closers: (() => unknown)[] = [() => server.remove()];
  try {
    const folder = makeTempFolder();
    closers.push(() => folder.remove());
    const exchange = await startExchangeSimulator();
    closers.push(() => exchange.stop());
    const origin = Math.ceil(Date.now() / 1_000) * 1_000;
    bookMeetings(exchange, server.domain, origin, PREPARATION + 2 * rounds * CYCLE);
    const crowd = forkHelper<CrowdProcess>(new URL('./support/crowd-process.ts', import.meta.url));
    closers.push(() => crowd.stop());
    await crowd.call(
      'logIn',
      WATCHERS.map((username) => ({
        ...{ port: server.c2sPort, domain: server.domain, username, password: `${username}-secret` },
      })),
    );
    const writer = forkHelper<RawWriter>(new URL('./support/raw-writer-process.ts', import.meta.url));
    closers.push(() => writer.stop());
    await writer.call('connect', { port: server.componentPort, ...FLOOR });
    await writer.call('prepare', {
      stanzas: CONTACTS.map(floorStanza),
      watchers: WATCHERS.map((watcher) => `${watcher}@${server.domain}`),
    });
    await crowd.call('count', '<presence');
    const gateway = await startSubscribedGateway({
      ...{ server, url: exchange.url, folder, contacts: CONTACTS, watchers: WATCHERS },
    });
    closers.push(() => gateway.remove());
    await gateway.waitForLog(ONLINE);
    // Everything is said once after the start.
    await crowd.call('until', { times: PRESENCES, limit: LIMIT }).catch(() => undefined);

    const turn = async (pid: number, due: number, write?: () => Promise<void>): Promise<FanOut> => {
      await sleep(due - 500 - Date.now());
      await crowd.call('count', IN_A_MEETING);
      const cpu = processorTime(pid);
      const [{ last }] = await Promise.all([crowd.call('until', { times: PRESENCES, limit: LIMIT }), write?.()]);
      const wall = last - due;
      return {
        rate: (PRESENCES / wall) * 1_000,
        wall_ms: wall,
        cpu_us: ((processorTime(pid) - cpu) / PRESENCES) * 1_000,
      };
    };
    const measured = await runRounds({
      ...{ rounds, progress },
      subject: () => turn(gateway.pid, nextTurn(origin)),
      floor: () => {
        const due = nextTurn(origin + FLOOR_TURN);
        return turn(writer.pid, due, () => writer.call('write', due));
      },
    });
    await crowd.call('stop', undefined);
    await writer.call('stop', undefined);
    return { ours: summarizeRounds(measured.subject), raw: summarizeRounds(measured.floor) };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

function bookMeetings(exchange: ExchangeSimulator, domain: string, origin: number, length: number): void {
  for (const contact of CONTACTS) {
    const mailbox = `${contact}@${domain}`;
    exchange.calendars.addMailbox(mailbox);
    for (let start = origin; start < origin + length; start += CYCLE) {
      exchange.calendars.book(mailbox, { start, end: start + MEETING, status: 'Busy' });
    }
  }
}

/** What the gateway says when the meetings begin, from the floor's domain. */
function floorStanza(contact: string): { head: string; tail: string } {
  const look = { available: true, show: 'dnd', status: { en: 'In a meeting' } } as const;
  return presenceStanza(contact, { ...UNKNOWN, look }, { domain: FLOOR.domain, language: 'en', priority: 0 });
}

/** The next instant of the cycle that began at `origin` which leaves a second to get ready. */
function nextTurn(origin: number): number {
  return origin + Math.ceil((Date.now() + 1_000 - origin) / CYCLE) * CYCLE;
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
