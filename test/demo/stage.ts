// Everything that plays: a real Prosody, the Exchange simulator, the gateway as a process of its own, and Bob's client.

import type { Instant } from '../../component/runtime/clock.ts';
import { formatDuration } from '../../config/schema/values.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../support/exchange-simulator/exchange-simulator.ts';
import { type GatewayProcess, gatewayConfig, startGateway } from '../support/gateway-process.ts';
import { type Prosody, startProsody } from '../support/prosody.ts';
import { scaledClock } from '../support/scaled-clock.ts';
import type { Watcher } from '../support/xmpp-watcher.ts';
import { type Entry, type Person, people, SPEED, timings } from './story.ts';

export interface Stage extends AsyncDisposable {
  readonly prosody: Prosody;
  readonly exchange: ExchangeSimulator;
  readonly gateway: GatewayProcess;
  readonly bob: Watcher;
  /** The played time. */
  now(): Instant;
  /** The played instant of a real one. */
  played(real: number): Instant;
  contact(person: Person): string;
  book(entry: Entry): void;
  cancel(entry: Entry): void;
}

/** The time at which the play begins: early enough for a start, so that the first meeting can be at nine. */
const CURTAIN = { hours: 8, minutes: 56 } as const;
const START_LIMIT = 20_000;
const STOP_LIMIT = 4_000;

/**
 * Builds the stage; disposing of it leaves nothing behind, also when it could not be built to the end.
 *
 * @throws the signal's reason when it fires before all of it stands
 */
export async function buildStage(signal: AbortSignal): Promise<Stage> {
  const parts: (() => Promise<unknown>)[] = [];
  const dispose = async (): Promise<void> => {
    for (const remove of parts.reverse()) await remove().catch(() => undefined);
  };
  try {
    return await build(signal, parts, dispose);
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function build(
  signal: AbortSignal,
  parts: (() => Promise<unknown>)[],
  dispose: () => Promise<void>,
): Promise<Stage> {
  const prosody = await startProsody();
  parts.push(() => prosody.remove());
  signal.throwIfAborted();

  const real = Date.now();
  const curtain = new Date(real).setHours(CURTAIN.hours, CURTAIN.minutes, 0, 0);
  // The instant at which both clocks would agree, when the played one shows the curtain's time now.
  const origin = Math.round((real * SPEED - curtain) / (SPEED - 1));
  const { now } = scaledClock(SPEED, origin);
  const exchange = await startExchangeSimulator({ now });
  parts.push(() => exchange.stop());
  for (const person of people) exchange.calendars.addMailbox(mailbox(person, prosody));

  const gateway = await startGateway({ ...configure(prosody, exchange), env: clocks(origin), entry: 'scaled' });
  parts.push(async () => {
    await gateway.stop(STOP_LIMIT);
    await gateway.remove();
  });
  await orAborted(gateway.waitForLog('Connected to the XMPP server', START_LIMIT), signal);
  const bob = await prosody.watcher('bob', 'laptop');
  parts.push(() => bob.stop());

  const ids = new Map<Entry, string>();
  return {
    ...{ prosody, exchange, gateway, bob, now },
    played: (instant) => origin + (instant - origin) * SPEED,
    contact: (person) => `${person.toLowerCase()}@${prosody.component.domain}`,
    book(entry) {
      ids.set(entry, exchange.calendars.book(mailbox(entry.person, prosody), entry));
    },
    cancel(entry) {
      exchange.calendars.cancel(ids.get(entry) as string);
    },
    [Symbol.asyncDispose]: dispose,
  };
}

function configure(prosody: Prosody, simulator: ExchangeSimulator): { config: object; files: Record<string, string> } {
  const { config, files } = gatewayConfig({
    ...{ prosody, simulator },
    overrides: {
      // These two limits are counted in played time: ten minutes are ten seconds.
      xmpp: { stopTimeout: '10m' },
      calendar: {
        refresh: formatDuration(timings.refresh),
        refreshIdle: formatDuration(timings.refresh),
        staleAfter: formatDuration(timings.staleAfter),
        window: { past: '1h', future: '2h' },
      },
      log: { level: 'info' },
    },
  });
  const { servers } = (config as { exchange: { servers: object[] } }).exchange;
  return {
    config: { ...config, exchange: { servers: servers.map((server) => ({ ...server, timeout: '10m' })) } },
    files,
  };
}

/** Calendars are played fast; the network's waits are real ones. */
function clocks(origin: Instant): Record<string, string> {
  return { CLOCK_ORIGIN: String(origin), CALENDAR_SPEED: String(SPEED), WIRE_SPEED: '1' };
}

function mailbox(person: Person, { domain }: Prosody): string {
  return `${person.toLowerCase()}@${domain}`;
}

async function orAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
