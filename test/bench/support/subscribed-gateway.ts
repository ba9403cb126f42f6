import { type GatewayProcess, gatewayConfig, startGateway } from '../../support/gateway-process.ts';
import type { TempFolder } from '../../support/temp-folder.ts';
import type { XmppServer } from '../../support/xmpp-server.ts';
import { fillDatabase } from './filled-database.ts';

export type SubscribedGatewayOptions = {
  readonly server: Pick<XmppServer, 'componentPort' | 'domain' | 'component'>;
  /** The address of Exchange. */
  readonly url: string;
  readonly folder: TempFolder;
  readonly contacts: readonly string[];
  /** The users who watch them all, without the domain. */
  readonly watchers: readonly string[];
  /** What the configuration says besides the usual. */
  readonly overrides?: Readonly<Record<string, unknown>>;
};

/** Starts what `npm run build` made, with the subscriptions of an earlier run in its database. */
export async function startSubscribedGateway(options: SubscribedGatewayOptions): Promise<GatewayProcess> {
  const { server, url, folder, contacts, watchers } = options;
  const file = folder.file('gateway.db');
  const jids = watchers.map((watcher) => `${watcher}@${server.domain}`);
  await fillDatabase(
    file,
    contacts.flatMap((contact) => jids.map((watcher) => ({ contact, watcher }))),
  );
  const overrides = {
    storage: { file },
    watchers: { domains: [server.domain], maxSubscriptions: contacts.length },
    log: { level: 'info' },
    ...options.overrides,
  };
  return startGateway({ ...gatewayConfig({ prosody: server, simulator: { url }, overrides }), entry: 'dist' });
}
