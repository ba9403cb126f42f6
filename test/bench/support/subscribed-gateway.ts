import { type GatewayProcess, gatewayConfig, startGateway } from '../../support/gateway-process.ts';
import type { TempFolder } from '../../support/temp-folder.ts';
import type { XmppServer } from '../../support/xmpp-server.ts';
import { type EarlierRun, fillDatabase } from './filled-database.ts';

export type SubscribedGatewayOptions = EarlierRun & {
  readonly server: Pick<XmppServer, 'componentPort' | 'domain' | 'component'>;
  /** The address of Exchange. */
  readonly url: string;
  readonly folder: TempFolder;
  /** Besides the server's domain. */
  readonly watcherDomains?: readonly string[];
  /** What the configuration says besides the usual. */
  readonly overrides?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Called when the database is filled, and the process is about to start. */
  readonly onStart?: () => void;
};

/** Starts what `npm run build` made, with what an earlier run left in its database. */
export async function startSubscribedGateway(options: SubscribedGatewayOptions): Promise<GatewayProcess> {
  const { server, url, folder, watcherDomains = [], env = {} } = options;
  const file = folder.file('gateway.db');
  await fillDatabase(file, options);
  const overrides = {
    storage: { file },
    watchers: { domains: [server.domain, ...watcherDomains], maxSubscriptions: 1_000_000 },
    log: { level: 'info' },
    ...options.overrides,
  };
  options.onStart?.();
  return startGateway({ ...gatewayConfig({ prosody: server, simulator: { url }, overrides }), entry: 'dist', env });
}
