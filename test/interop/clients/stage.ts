// A gateway process on an XMPP server, with an Exchange that announces changes: what real clients are shown.

import type { Calendars } from '../../support/exchange-simulator/calendars.ts';
import { startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import { type GatewayProcess, gatewayConfig, startGateway } from '../../support/gateway-process.ts';
import { ONLINE } from '../../support/house.ts';

/** What Prosody and ejabberd have in common here. */
export type Server = {
  readonly c2sPort: number;
  readonly componentPort: number;
  readonly domain: string;
  readonly component: { readonly domain: string; readonly secret: string };
};

export interface Stage {
  readonly gateway: GatewayProcess;
  readonly calendars: Calendars;
  /** The contact's bare JID. */
  contact(name: string): string;
  /** The contact's mailbox. */
  mailbox(name: string): string;
  /** Ends the gateway and Exchange. */
  close(): Promise<void>;
}

/** Resolves when the gateway is connected. The server stays the caller's. */
export async function openStage(server: Server, mailboxes: readonly string[]): Promise<Stage> {
  const exchange = await startExchangeSimulator({ impersonation: true });
  const mailbox = (name: string) => `${name}@${server.domain}`;
  for (const name of mailboxes) exchange.calendars.addMailbox(mailbox(name));
  const account = { username: 'gateway', passwordFile: 'exchange-password' };
  const gateway = await startGateway(
    gatewayConfig({
      prosody: server,
      simulator: exchange,
      overrides: { exchange: { servers: [{ name: 'hq', url: exchange.url, ...account, impersonation: true }] } },
    }),
  );
  const close = async () => {
    await gateway.remove();
    await exchange.stop();
  };
  try {
    await gateway.waitForLog(ONLINE);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    gateway,
    calendars: exchange.calendars,
    contact: (name) => `${name}@${server.component.domain}`,
    mailbox,
    close,
  };
}
