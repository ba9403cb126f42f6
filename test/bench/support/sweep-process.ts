// One sweep over all mailboxes, by the gateway's own parts or by bare undici, in a process that does nothing else.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { Pool } from 'undici';
import { createEwsCalendarSource } from '../../../adapters/ews/ews-calendar-source.ts';
import { writeGetUserAvailability } from '../../../adapters/ews/get-user-availability.ts';
import { basicCredentials } from '../../../adapters/ews/http/authentication.ts';
import { systemClock } from '../../../adapters/runtime/system-clock.ts';
import { AvailabilityCache } from '../../../component/calendar/availability-cache.ts';
import type { TimelineStore } from '../../../component/calendar/timeline-store.ts';
import { WatchedCalendars } from '../../../component/calendar/watched-calendars.ts';
import { calendarSchema } from '../../../config/schema/calendar.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { answerParent } from './helper-process.ts';

export type SweepOptions = {
  readonly url: string;
  readonly mailboxes: number;
  /** Mailboxes in a request. */
  readonly batch: number;
  /** Entries of each mailbox. */
  readonly entries: number;
  readonly concurrency: number;
};

export type GatewaySweep = {
  /** From the first mailbox that is watched to the last one that is known. */
  readonly wall: number;
  readonly loopP50: number;
  readonly loopP99: number;
  readonly loopMax: number;
  /** What the same measurement says of this process before it has anything to do. */
  readonly idleP99: number;
  readonly heapPerMailbox: number;
  /** In bytes, when all is known, and the most there ever was. */
  readonly rss: number;
  readonly mostRss: number;
  /** Processor time of the sweep, in milliseconds. */
  readonly cpu: number;
};

const USER = 'svc-presence';
const PASSWORD = 'secret';
const LIMIT = 120_000;
const IDLE = 1_000;
/** As many as the database hands over at a time. */
const LOADED_AT_ONCE = 1_000;

const handlers = {
  async gateway(options: SweepOptions): Promise<GatewaySweep> {
    const settings = calendarSchema.parse({});
    const cache = new AvailabilityCache(systemClock);
    const logger = new RecordingLogger();
    const source = createEwsCalendarSource({
      ...{ name: 'hq', url: options.url, concurrency: options.concurrency },
      credentials: basicCredentials(USER, PASSWORD),
      ...{ clock: systemClock, logger },
    });
    let known = 0;
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const calendars = new WatchedCalendars({
      ...{ cache, logger, store: forgetfulStore, clock: systemClock, random: Math.random },
      ...settings,
      route: () => source,
      listener: {
        known: () => {
          if (++known === options.mailboxes) finish();
        },
        notFound: () => finish(),
      },
    });
    const idle = await loopDelay(() => sleep(IDLE));
    const heapBefore = settledHeap();
    const cpuBefore = process.cpuUsage();
    const started = performance.now();
    const loop = await loopDelay(async () => {
      for (let from = 0; from < options.mailboxes; from += LOADED_AT_ONCE) {
        const end = Math.min(options.mailboxes, from + LOADED_AT_ONCE);
        for (let index = from; index < end; index++) calendars.begin(mailboxAt(index));
        await turn();
      }
      calendars.start();
      await Promise.race([finished, sleep(LIMIT, undefined, { ref: false })]);
    });
    const wall = performance.now() - started;
    const { user, system } = process.cpuUsage(cpuBefore);
    const rss = process.memoryUsage.rss();
    checkTimelines(cache, options, known);
    // What is still to be saved is not what a mailbox takes.
    await sleep(1_500);
    const heapPerMailbox = (settledHeap() - heapBefore) / options.mailboxes;
    await calendars.stop();
    await source.close();
    return {
      ...{ wall, heapPerMailbox, rss, mostRss: process.resourceUsage().maxRSS * 1024 },
      ...{ loopP50: loop.p50, loopP99: loop.p99, loopMax: loop.max, idleP99: idle.p99 },
      cpu: (user + system) / 1_000,
    };
  },

  /** The same requests, so many in flight; the answers are read from the socket and forgotten. */
  async floor({ url, mailboxes, batch, concurrency }: SweepOptions): Promise<{ wall: number }> {
    const { origin, pathname } = new URL(url);
    const pool = new Pool(origin, { connections: concurrency });
    const bodies = requestBodies(mailboxes, batch);
    const headers = {
      'content-type': 'text/xml; charset=utf-8',
      accept: 'text/xml',
      'accept-encoding': 'gzip, deflate',
      'user-agent': 'presence-gateway',
      authorization: `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`,
    };
    const ask = async (): Promise<void> => {
      for (let text = bodies.pop(); text !== undefined; text = bodies.pop()) {
        const { statusCode, body } = await pool.request({ path: pathname, method: 'POST', headers, body: text });
        if (statusCode !== 200) throw new Error(`HTTP ${statusCode}`);
        await body.dump({ limit: Number.POSITIVE_INFINITY });
      }
    };
    await sleep(IDLE);
    const started = performance.now();
    await Promise.all(Array.from({ length: concurrency }, ask));
    const wall = performance.now() - started;
    await pool.close();
    return { wall };
  },
};
export type Sweeps = typeof handlers;

function mailboxAt(index: number): string {
  return `user${String(index).padStart(6, '0')}@example.com`;
}

function requestBodies(mailboxes: number, batch: number): string[] {
  const { window } = calendarSchema.parse({});
  const now = Date.now();
  return Array.from({ length: Math.ceil(mailboxes / batch) }, (_, request) => {
    const some = Array.from({ length: batch }, (_, index) => mailboxAt(request * batch + index));
    return writeGetUserAvailability(some, { start: now - window.past, end: now + window.future });
  });
}

/** What was said of each mailbox must be there, every meeting's beginning and end. */
function checkTimelines(cache: AvailabilityCache, { mailboxes, entries }: SweepOptions, known: number): void {
  if (known !== mailboxes) throw new Error(`Known within the limit: ${known} mailboxes`);
  for (const [mailbox, { timeline }] of cache.watched()) {
    if (timeline?.changes.length !== 1 + 2 * entries) {
      throw new Error(`${mailbox} has ${timeline?.changes.length} steps`);
    }
  }
}

/** What the database keeps is measured elsewhere. */
const forgetfulStore: TimelineStore = {
  async *loadTimelines() {},
  async saveTimelines() {},
  async deleteTimelines() {},
};

/** How late the event loop was while something went on, in milliseconds, sampled each millisecond. */
async function loopDelay(during: () => Promise<unknown>): Promise<{ p50: number; p99: number; max: number }> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await during();
  histogram.disable();
  return { p50: histogram.percentile(50) / 1e6, p99: histogram.percentile(99) / 1e6, max: histogram.max / 1e6 };
}

/** heapUsed and external after collections, in bytes. */
function settledHeap(): number {
  if (globalThis.gc === undefined) throw new Error('Needs --expose-gc');
  for (let round = 0; round < 3; round++) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

answerParent(handlers);
