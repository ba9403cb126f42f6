import { startEjabberd } from './ejabberd.ts';
import { type ProsodyOptions, startProsody } from './prosody.ts';
import type { XmppServer } from './xmpp-server.ts';

/** The servers that scenarios are played on. */
export const xmppServers = ['prosody', 'ejabberd'] as const;

/** Which one it is this time: the environment's XMPP_SERVER, default `prosody`. */
export function serverUnderTest(): (typeof xmppServers)[number] {
  const name = process.env.XMPP_SERVER ?? 'prosody';
  const server = xmppServers.find((one) => one === name);
  if (server === undefined) throw new Error(`XMPP_SERVER is one of ${xmppServers.join(', ')}`);
  return server;
}

/** Starts the server under test. Of the options those that only Prosody has are for Prosody. */
export function startXmppServer(options: ProsodyOptions = {}): Promise<XmppServer> {
  return serverUnderTest() === 'prosody' ? startProsody(options) : startEjabberd(options);
}
