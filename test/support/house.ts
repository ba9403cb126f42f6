// All of it at once, for scenarios: a real Prosody, the Exchange simulator, the gateway as a process of its own.

import { type ExchangeSimulator, startExchangeSimulator } from './exchange-simulator/exchange-simulator.ts';
import { type GatewayProcess, gatewayConfig, startGateway } from './gateway-process.ts';
import { type Prosody, type ProsodyOptions, startProsody } from './prosody.ts';
import type { Predicate, Received, Watcher } from './xmpp-watcher.ts';

export type HouseOptions = {
  /** Merged into the gateway's configuration. */
  readonly config?: object;
  /** Mailboxes of example.test that exist; default alice, bob, carol. */
  readonly mailboxes?: readonly string[];
  readonly prosody?: ProsodyOptions;
  /** Whether the gateway starts right away; default true. */
  readonly start?: boolean;
};

export interface House extends AsyncDisposable {
  readonly prosody: Prosody;
  readonly exchange: ExchangeSimulator;
  readonly gateway: GatewayProcess;
  /** The contact's bare JID. */
  contact(name: string): string;
  /** The contact's mailbox. */
  mailbox(name: string): string;
  /** Logs a user in; logged out with the house. */
  watcher(user: string, resource?: string): Promise<Watcher>;
  /** Books a meeting that runs now, for a minute or as long as given. */
  meetingNow(name: string, status?: 'Busy' | 'OOF' | 'Tentative', lasts?: number): string;
}

export const ONLINE = 'Connected to the XMPP server';

/** Opens a house; `await using` closes it. */
export async function openHouse(options: HouseOptions = {}): Promise<House> {
  const [prosody, exchange] = await Promise.all([startProsody(options.prosody), startExchangeSimulator()]);
  for (const name of options.mailboxes ?? ['alice', 'bob', 'carol']) exchange.calendars.addMailbox(`${name}@example.test`);
  const input = gatewayConfig({ prosody, simulator: exchange, overrides: options.config ?? {} });
  const gateway = await startGateway(input);
  const watchers: Watcher[] = [];
  if (options.start ?? true) await gateway.waitForLog(ONLINE);
  else await gateway.kill();
  return {
    ...{ prosody, exchange, gateway },
    contact: (name) => `${name}@${prosody.component.domain}`,
    mailbox: (name) => `${name}@example.test`,
    async watcher(user, resource) {
      const watcher = await prosody.watcher(user, resource);
      watchers.push(watcher);
      return watcher;
    },
    meetingNow(name, status = 'Busy', lasts = 60_000) {
      const now = Date.now();
      return exchange.calendars.book(`${name}@example.test`, { start: now - 60_000, end: now + lasts, status });
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(watchers.map((watcher) => watcher.stop()));
      await gateway.remove();
      await Promise.all([prosody.remove(), exchange.stop()]);
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
