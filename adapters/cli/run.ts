import { constants } from 'node:os';
import { longestPause } from '../../component/calendar/pace.ts';
import { RuleDirectory } from '../../component/directory/rule-directory.ts';
import { Gateway } from '../../component/gateway.ts';
import { type Clock, MINUTE } from '../../component/runtime/clock.ts';
import type { Logger } from '../../component/runtime/logger.ts';
import { SubscriptionPolicy } from '../../component/subscription/subscription-policy.ts';
import type { LoadedConfiguration } from '../../config/load.ts';
import { createLogger } from '../runtime/pino-logger.ts';
import { openSqliteStore } from '../storage/sqlite-store.ts';
import { StorageError } from '../storage/storage-error.ts';
import { openExchangeServers } from './exchange-servers.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { presenceRules } from './presence-rules.ts';
import { productVersion } from './version.ts';

/** So much later than its time an answer may come before presence says how old the knowledge is, in milliseconds. */
const PATIENCE = 2 * MINUTE;

/** What calendars and presence go by, and what the network's waits go by. */
export type Clocks = { readonly calendar: Clock; readonly wire: Clock };

/**
 * Runs the gateway until it is told to stop (SIGTERM, SIGINT, SIGHUP); a second signal ends it at once.
 */
export async function run({ configuration, warnings }: LoadedConfiguration, clocks: Clocks): Promise<ExitCode> {
  const { xmpp, calendar, presence, watchers } = configuration;
  const logger = createLogger(configuration.log);
  const { calendar: clock } = clocks;
  const version = productVersion();
  const exchange = configuration.exchange.servers.map(({ name }) => name);
  logger.info('Presence gateway starts', {
    ...{ version, node: process.version, domain: xmpp.domain, exchange, database: configuration.storage.file },
  });
  for (const warning of warnings) logger.warn('Configuration', { warning });

  // Before anything is open: a signal that comes early must find its handler.
  const stopSignal = nextSignal();
  let store: Awaited<ReturnType<typeof openSqliteStore>>;
  try {
    store = await openSqliteStore({ file: configuration.storage.file, logger });
  } catch (error) {
    return unusable(error, logger);
  }
  const servers = openExchangeServers(configuration.exchange.servers, clock, logger);
  const directory = new RuleDirectory(configuration.directory);
  const gateway = new Gateway({
    connection: {
      ...{ host: xmpp.host, port: xmpp.port, domain: xmpp.domain, secret: xmpp.secret },
      ...{ tls: xmpp.tls, plaintext: xmpp.plaintext, windowSize: xmpp.window, clock: clocks.wire },
    },
    ...{ repeatRate: xmpp.repeatRate, stopTimeout: xmpp.stopTimeout, onStop: xmpp.onStop },
    ...{ refresh: calendar.refresh, refreshNear: calendar.refreshNear, refreshIdle: calendar.refreshIdle },
    ...{ coalesce: calendar.coalesce, window: calendar.window, goneAfter: calendar.goneAfter },
    staleAfterOf: (mailbox) => servers.staleAfterOf(mailbox) ?? calendar.staleAfter,
    // What is older than it can be while all is well says so.
    presencePolicy: { rulesOf: presenceRules(presence, directory), agedAfter: longestPause(calendar) + PATIENCE },
    ...{ language: presence.language, priority: presence.priority },
    subscriptionPolicy: new SubscriptionPolicy(watchers),
    route: servers.route,
    ...{ directory, store, clock, logger, version },
    random: Math.random,
  });
  try {
    await servers.warmUp();
    await gateway.start();
  } catch (error) {
    await servers.close();
    await store.close().catch(() => {});
    return unusable(error, logger);
  }

  const reason = await Promise.race([stopSignal, store.lost]);
  if (reason instanceof StorageError) {
    logger.error('The database is lost; the gateway stops, to be started anew', { reason: reason.message });
  } else {
    logger.info('Presence gateway stops', { signal: reason });
    for (const signal of stopSignals) process.once(signal, () => process.exit(128 + constants.signals[signal]));
  }
  await gateway.stop();
  await servers.close();
  try {
    await store.close();
  } catch (error) {
    logger.error('The database could not be closed', { error });
    return exitCode.inputOutput;
  }
  logger.info('Presence gateway has stopped');
  return exitCode.ok;
}

/** @throws what is not the database's fault */
function unusable(error: unknown, logger: Logger): ExitCode {
  if (!(error instanceof StorageError)) throw error;
  logger.error('The database can’t be used', { kind: error.kind, reason: error.message });
  return exitCode.inputOutput;
}

/** SIGHUP, too: a terminal that is closed must not leave every contact as it is. */
const stopSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
type StopSignal = (typeof stopSignals)[number];

function nextSignal(): Promise<StopSignal> {
  return new Promise((resolve) => {
    const listen = (signal: StopSignal): void => {
      for (const other of stopSignals) process.off(other, listen);
      resolve(signal);
    };
    for (const signal of stopSignals) process.on(signal, listen);
  });
}
