import { setMaxListeners } from 'node:events';
import type { Mailbox } from '../../component/directory/directory.ts';
import type { Clock } from '../../component/runtime/clock.ts';
import type { Logger } from '../../component/runtime/logger.ts';
import type { Configuration } from '../../config/schema.ts';
import { AccountTurns } from '../ews/check/account-turns.ts';
import { checkAutodiscover } from '../ews/check/autodiscover-check.ts';
import type { Findings, Severity } from '../ews/check/check-finding.ts';
import { checkServer } from '../ews/check/server-check.ts';
import { createLogger } from '../runtime/pino-logger.ts';
import { systemClock } from '../runtime/system-clock.ts';
import { type CheckReport, createCheckReport } from './check-report.ts';
import { checkXmpp } from './check-xmpp.ts';
import { accountGuards, type ExchangeServer, serverConnection } from './exchange-servers.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { mailboxRoutes } from './mailbox-routes.ts';

export type CheckOptions = {
  readonly mailbox: string | undefined;
  /** The names of the servers to check; none: all of them, and the XMPP leg. */
  readonly servers: readonly string[];
  readonly json: boolean;
};

/** No server can have this name: theirs are in lower case. */
const XMPP = 'XMPP';
/** Places that are checked at once. */
const CONCURRENCY = 8;

const codes: Readonly<Record<Severity, ExitCode>> = {
  ok: exitCode.ok,
  info: exitCode.ok,
  warning: exitCode.warning,
  error: exitCode.trouble,
};

/**
 * Checks the configured Exchange servers and the way to the XMPP server, and prints what is found as it is found.
 *
 * The mailbox that the command line names is asked of the server that it is on, the others are asked for their
 * `sampleMailbox`; for one that has none what takes a mailbox is left out.
 */
export async function check(configuration: Configuration, options: CheckOptions): Promise<ExitCode> {
  const { servers } = configuration.exchange;
  const asked = options.servers.length === 0 ? servers : servers.filter(({ name }) => options.servers.includes(name));
  const misuse = whatIsWrongWith(options, servers, asked);
  if (misuse !== undefined) {
    process.stderr.write(`presence-gateway: ${misuse}\n`);
    return exitCode.usage;
  }
  const report = createCheckReport({
    json: options.json,
    places: [...(options.servers.length === 0 ? [XMPP] : []), ...asked.map(({ name }) => name)],
    isTerminal: process.stdout.isTTY && !process.env.NO_COLOR,
    write: (text) => process.stdout.write(text),
  });
  return await untilInterrupted(async (signal) => {
    const checks = exchangeChecks(asked, options.mailbox, signal);
    if (options.servers.length === 0) {
      const { xmpp, storage } = configuration;
      checks.unshift([XMPP, () => checkXmpp({ xmpp, database: storage.file, clock: systemClock, signal })]);
    }
    await runAll(checks, report, signal);
    return codes[report.end()];
  });
}

type Check = readonly [place: string, run: () => Findings];

function whatIsWrongWith(
  { mailbox, servers: names }: CheckOptions,
  servers: readonly ExchangeServer[],
  asked: readonly ExchangeServer[],
): string | undefined {
  const unknown = names.find((name) => !servers.some((server) => server.name === name));
  if (unknown !== undefined) {
    return `there is no server “${unknown}”; configured are ${servers.map(({ name }) => name).join(', ')}`;
  }
  if (mailbox === undefined) return undefined;
  // Not passed over: who names a mailbox would take the others' success for its own.
  const chosen = mailboxRoutes(servers)(mailbox);
  if (chosen === undefined) return `No server is configured for ${mailbox}`;
  return asked.includes(chosen) ? undefined : `${mailbox} is on ${chosen.name}, which --server leaves out`;
}

/** Servers that are asked with the same account and secret take turns with it. */
function exchangeChecks(servers: readonly ExchangeServer[], named: string | undefined, signal: AbortSignal): Check[] {
  const guardOf = accountGuards();
  const chosen = named === undefined ? undefined : mailboxRoutes(servers)(named);
  // What is seen is printed: the log has nothing to add.
  const logger = createLogger({ level: 'error', format: 'json', destination: process.stderr });
  return servers.map((server) => {
    const account = new AccountTurns(guardOf(server), systemClock);
    const mailbox = server === chosen ? named?.toLowerCase() : server.sampleMailbox;
    return [server.name, () => checkExchange(server, { account, mailbox, clock: systemClock, logger, signal })];
  });
}

type Context = {
  readonly account: AccountTurns;
  readonly mailbox: Mailbox | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

async function* checkExchange(server: ExchangeServer, context: Context): Findings {
  const { autodiscover, domains = [], impersonate, impersonation, notifications, automaticReplies } = server;
  const connection = serverConnection(server, context.clock);
  let { url } = server;
  if (url === undefined) {
    const { url: service, hosts = [] } = autodiscover ?? {};
    const found = await checkAutodiscover({ ...context, service, hosts, domains, impersonate, connection });
    for (const finding of found.findings) yield finding;
    url = found.url;
  }
  if (url === undefined) return;
  yield* checkServer({
    ...connection,
    ...context,
    ...{ url, impersonate, impersonation, automaticReplies },
    notifications: notifications.mailboxes > 0,
    domain: domains[0],
    channelBinding: server.account.auth === 'ntlm' && server.account.channelBinding,
  });
}

/** @throws the signal's reason when aborted; what is a fault of our own, when all others are done */
async function runAll(checks: readonly Check[], report: CheckReport, signal: AbortSignal): Promise<void> {
  const rest = checks.values();
  const workers = Array.from({ length: Math.min(CONCURRENCY, checks.length) }, async () => {
    for (const [place, run] of rest) {
      signal.throwIfAborted();
      for await (const finding of run()) report.add(place, finding);
    }
  });
  const results = await Promise.allSettled(workers);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** Ctrl-C ends what is under way and gives back what was taken; then the process ends by that signal, as is expected. */
async function untilInterrupted(work: (signal: AbortSignal) => Promise<ExitCode>): Promise<ExitCode> {
  const interruption = new AbortController();
  // All that is checked at once listens to it.
  setMaxListeners(0, interruption.signal);
  let signal: NodeJS.Signals | undefined;
  const interrupt = (received: NodeJS.Signals) => {
    // A second one finds no listener, and ends the process at once.
    signal = received;
    interruption.abort(new Error('The check was interrupted'));
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const one of signals) process.once(one, interrupt);
  try {
    return await work(interruption.signal);
  } catch (error) {
    if (signal === undefined) throw error;
    for (const one of signals) process.off(one, interrupt);
    process.kill(process.pid, signal);
    return exitCode.trouble;
  } finally {
    for (const one of signals) process.off(one, interrupt);
  }
}
