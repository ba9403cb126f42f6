// All of it at once, for scenarios: a real Prosody, the Exchange simulator, the gateway as a process of its own.

import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { type ExchangeSimulator, startExchangeSimulator } from './exchange-simulator/exchange-simulator.ts';
import { type GatewayProcess, gatewayConfig, startGateway } from './gateway-process.ts';
import { type Prosody, type ProsodyOptions, startProsody } from './prosody.ts';
import { scaledClock } from './scaled-clock.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import type { Predicate, Received, Watcher } from './xmpp-watcher.ts';

export type HouseOptions = {
  /** Merged into the gateway's configuration. */
  readonly config?: object;
  /** Mailboxes of example.test that exist; default alice, bob, carol. */
  readonly mailboxes?: readonly string[];
  readonly prosody?: ProsodyOptions;
  /** Whether the gateway starts right away; default true. */
  readonly start?: boolean;
  /** `proxy`: the gateway's connection to Prosody goes through `house.proxy`. */
  readonly through?: 'proxy';
  /** How many seconds pass for the gateway in one: for its calendars, for its waits on the network. */
  readonly speed?: { readonly calendar?: number; readonly wire?: number };
};

export interface House extends AsyncDisposable {
  readonly prosody: Prosody;
  readonly exchange: ExchangeSimulator;
  readonly gateway: GatewayProcess;
  /** Between the gateway and Prosody; unused unless asked for. */
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
  const [prosody, exchange] = await Promise.all([startProsody(options.prosody), startExchangeSimulator()]);
  for (const name of options.mailboxes ?? ['alice', 'bob', 'carol'])
    exchange.calendars.addMailbox(`${name}@example.test`);
  const proxy = await startTcpProxy(prosody.componentPort);
  const { component, domain } = prosody;
  const componentPort = options.through === 'proxy' ? proxy.port : prosody.componentPort;
  const input = gatewayConfig({
    prosody: { componentPort, domain, component },
    simulator: exchange,
    overrides: options.config ?? {},
  });
  const origin = Date.now();
  const { now } = scaledClock(options.speed?.calendar ?? 1, origin);
  const env = {
    CLOCK_ORIGIN: String(origin),
    CALENDAR_SPEED: String(options.speed?.calendar ?? 1),
    WIRE_SPEED: String(options.speed?.wire ?? 1),
  };
  const gateway = await startGateway({ ...input, env, entry: options.speed ? 'scaled' : 'source' });
  const watchers: Watcher[] = [];
  if (options.start ?? true) await gateway.waitForLog(ONLINE);
  else await gateway.kill();
  return {
    ...{ prosody, exchange, gateway, proxy, now },
    contact: (name) => `${name}@${prosody.component.domain}`,
    mailbox: (name) => `${name}@example.test`,
    async watcher(user, resource) {
      const watcher = await prosody.watcher(user, resource);
      watchers.push(watcher);
      return watcher;
    },
    meetingNow(name, status = 'Busy', lasts = 60_000) {
      return exchange.calendars.book(`${name}@example.test`, { start: now() - 60_000, end: now() + lasts, status });
    },
    rows() {
      const database = new DatabaseSync(join(gateway.folder, 'gateway.db'), { readOnly: true });
      try {
        const rows = database
          .prepare('SELECT contact, watcher, state FROM subscriptions ORDER BY contact, watcher')
          .all();
        return rows.map((row) => Object.values(row as object).join(' '));
      } finally {
        database.close();
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(watchers.map((watcher) => watcher.stop()));
      await gateway.remove();
      await Promise.all([prosody.remove(), exchange.stop(), proxy.stop()]);
      if (exchange.rejections.length > 0) {
        throw new Error(`Exchange refused requests as invalid: ${exchange.rejections.join('; ')}`);
      }
    },
  };
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
