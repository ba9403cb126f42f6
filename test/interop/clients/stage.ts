// A gateway process on an XMPP server, with an Exchange that announces changes: what real clients are shown.

import type { Calendars } from '../../support/exchange-simulator/calendars.ts';
import { startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import { type GatewayProcess, gatewayConfig, startGateway } from '../../support/gateway-process.ts';
import { ONLINE } from '../../support/house.ts';
import type { XmppServer } from '../../support/xmpp-server.ts';

/** A browser and two servers start beside it, on a machine that may have two processors: milliseconds. */
const START_LIMIT = 30_000;

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
export async function openStage(server: XmppServer, mailboxes: readonly string[]): Promise<Stage> {
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
    await gateway.waitForLog(ONLINE, START_LIMIT);
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
