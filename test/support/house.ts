// All of it at once, for scenarios: a real XMPP server, the Exchange simulator, the gateway as a process of its own.

import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import {
  type ExchangeSimulator,
  type ExchangeSimulatorOptions,
  startExchangeSimulator,
} from './exchange-simulator/exchange-simulator.ts';
import { type GatewayProcess, gatewayConfig, startGateway } from './gateway-process.ts';
import type { ProsodyOptions } from './prosody.ts';
import { scaledClock } from './scaled-clock.ts';
import { startXmppServer } from './server-under-test.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import type { XmppServer } from './xmpp-server.ts';
import type { Predicate, Received, Watcher } from './xmpp-watcher.ts';

export type HouseOptions = {
  /** Merged into the gateway's configuration; a function is given the address of Exchange. */
  readonly config?: object | ((exchange: string) => object);
  /** Files beside the configuration that differ from the usual, by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** How Exchange differs from the usual; its clock then goes as the gateway's calendars do. */
  readonly exchange?: ExchangeSimulatorOptions;
  /** Mailboxes of example.test that exist; default alice, bob, carol. */
  readonly mailboxes?: readonly string[];
  readonly prosody?: ProsodyOptions;
  /** `source` (default) or `dist`, what `npm run build` made. */
  readonly entry?: 'source' | 'dist';
  /** The log line of the gateway to wait for; default: that it is connected. */
  readonly ready?: string;
  /** `proxy`: the gateway's connection to the XMPP server goes through `house.proxy`. */
  readonly through?: 'proxy';
  /** How many seconds pass for the gateway in one: for its calendars, for its waits on the network. */
  readonly speed?: { readonly calendar?: number; readonly wire?: number };
};

export interface House extends AsyncDisposable {
  readonly server: XmppServer;
  readonly exchange: ExchangeSimulator;
  readonly gateway: GatewayProcess;
  /** Between the gateway and the XMPP server; unused unless asked for. */
  readonly proxy: TcpProxy;
  /** The contact's bare JID. */
  contact(name: string): string;
  /** The contact's mailbox. */
  mailbox(name: string): string;
  /** Logs a user in; logged out with the house. */
  watcher(user: string, resource?: string): Promise<Watcher>;
  /** What time it is for the gateway. */
  now(): number;
  /** Books a meeting that runs now, for a minute or as long as given. */
  meetingNow(name: string, status?: 'Busy' | 'OOF' | 'Tentative', lasts?: number): string;
  /** The rows of the gateway's database that are subscriptions: contact, watcher, state. */
  rows(): string[];
}

export const ONLINE = 'Connected to the XMPP server';

/** Opens a house; `await using` closes it. */
export async function openHouse(options: HouseOptions = {}): Promise<House> {
  /** What is closed when the house is, the last one first. */
  const closing: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  try {
    return await build(options, closing, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function build(
  options: HouseOptions,
  closing: (() => Promise<unknown>)[],
  close: () => Promise<void>,
): Promise<House> {
  const server = await startXmppServer(options.prosody);
  closing.push(() => server.remove());
  const origin = Date.now();
  const speed = { calendar: 1, wire: 1, ...options.speed };
  const clock = scaledClock(speed.calendar, origin);
  const exchange = await startExchangeSimulator(options.exchange && { clock, ...options.exchange });
  closing.push(() => exchange.stop());
  const proxy = await startTcpProxy(server.componentPort);
  closing.push(() => proxy.stop());
  for (const name of options.mailboxes ?? ['alice', 'bob', 'carol']) {
    exchange.calendars.addMailbox(`${name}@example.test`);
  }

  const { now } = clock;
  const { component, domain } = server;
  const componentPort = options.through === 'proxy' ? proxy.port : server.componentPort;
  const usual = gatewayConfig({
    prosody: { componentPort, domain, component },
    simulator: exchange,
    overrides: typeof options.config === 'function' ? options.config(exchange.url) : (options.config ?? {}),
  });
  const gateway = await startGateway({
    config: usual.config,
    files: { ...usual.files, ...options.files },
    env: {
      CLOCK_ORIGIN: String(origin),
      CALENDAR_SPEED: String(speed.calendar),
      WIRE_SPEED: String(speed.wire),
    },
    entry: options.speed ? 'scaled' : (options.entry ?? 'source'),
  });
  closing.push(() => gateway.remove());
  await gateway.waitForLog(options.ready ?? ONLINE);

  return {
    ...{ server, exchange, gateway, proxy, now },
    contact: (name) => `${name}@${component.domain}`,
    mailbox: (name) => `${name}@example.test`,
    async watcher(user, resource) {
      const watcher = await server.watcher(user, resource);
      closing.push(() => watcher.stop().catch(() => undefined));
      return watcher;
    },
    meetingNow(name, status = 'Busy', lasts = 60_000) {
      return exchange.calendars.book(`${name}@example.test`, { start: now() - 60_000, end: now() + lasts, status });
    },
    rows: () => subscriptionRows(join(gateway.folder, 'gateway.db')),
    async [Symbol.asyncDispose]() {
      await close();
      if (exchange.rejections.length > 0) {
        throw new Error(`Exchange refused requests as invalid: ${exchange.rejections.join('; ')}`);
      }
    },
  };
}

function subscriptionRows(file: string): string[] {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const rows = database.prepare('SELECT contact, watcher, state FROM subscriptions ORDER BY contact, watcher').all();
    return rows.map((row) => Object.values(row as object).join(' '));
  } finally {
    database.close();
  }
}

/** A presence from the contact (any resource of it) of this type and show. */
export function from(contact: string, type?: string, show?: string): Predicate {
  return (stanza: Received) =>
    stanza.name === 'presence' && stanza.from.split('/')[0] === contact && stanza.type === type && stanza.show === show;
}

/** Any stanza from the contact. */
export function anythingFrom(contact: string): Predicate {
  return (stanza: Received) => stanza.from.split('/')[0] === contact;
}
