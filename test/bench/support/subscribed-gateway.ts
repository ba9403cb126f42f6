import { openSqliteStore } from '../../../adapters/storage/sqlite-store.ts';
import { type GatewayProcess, gatewayConfig, startGateway } from '../../support/gateway-process.ts';
import type { Prosody } from '../../support/prosody.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import type { TempFolder } from '../../support/temp-folder.ts';

export type SubscribedGatewayOptions = {
  readonly prosody: Prosody;
  /** The address of Exchange. */
  readonly url: string;
  readonly folder: TempFolder;
  readonly contacts: readonly string[];
  /** The one user who watches them all, without the domain. */
  readonly watcher: string;
  /** What the configuration says besides the usual. */
  readonly overrides?: Readonly<Record<string, unknown>>;
};

/** Starts what `npm run build` made, with the subscriptions of an earlier run in its database. */
export async function startSubscribedGateway(options: SubscribedGatewayOptions): Promise<GatewayProcess> {
  const { prosody, url, folder, contacts } = options;
  const file = folder.file('gateway.db');
  const store = await openSqliteStore({ file, logger: new RecordingLogger() });
  const watcher = `${options.watcher}@${prosody.domain}`;
  const since = Date.now();
  await Promise.all(
    contacts.map((contact) => store.saveSubscription({ contact, watcher, state: 'subscribed', since })),
  );
  await store.close();
  const overrides = {
    storage: { file },
    watchers: { domains: [prosody.domain], maxSubscriptions: contacts.length },
    log: { level: 'info' },
    ...options.overrides,
  };
  return startGateway({ ...gatewayConfig({ prosody, simulator: { url }, overrides }), entry: 'dist' });
}
