import { setMaxListeners } from 'node:events';
import type { Mailbox } from '../../component/directory/directory.ts';
import type { Clock } from '../../component/runtime/clock.ts';
import type { Logger } from '../../component/runtime/logger.ts';
import { fold } from '../../config/schema/values.ts';
import type { Configuration } from '../../config/schema.ts';
import { AccountTurns } from '../ews/check/account-turns.ts';
import { checkAutodiscover } from '../ews/check/autodiscover-check.ts';
import type { CheckFinding, Findings, Severity } from '../ews/check/check-finding.ts';
import { checkServer } from '../ews/check/server-check.ts';
import { createLogger } from '../runtime/pino-logger.ts';
import { systemClock } from '../runtime/system-clock.ts';
import { type CheckOptions, serversFor, whatMakesNoSense } from './check-options.ts';
import { type CheckProgress, createCheckProgress } from './check-progress.ts';
import { type CheckReport, createCheckReport } from './check-report.ts';
import { checkXmpp } from './check-xmpp.ts';
import { accountGuards, type ExchangeServer, serverConnection } from './exchange-servers.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { mailboxRoutes } from './mailbox-routes.ts';

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
 * Checks the configured Exchange servers and the way to the XMPP server, and prints what is found: each place's findings
 * as soon as it is done with, or with `json` each finding as it is found.
 *
 * The mailbox that the command line names is asked of the server that it is on, the others are asked for their
 * `sampleMailbox`; for one that has none what takes a mailbox is left out.
 */
export async function check(configuration: Configuration, options: CheckOptions): Promise<ExitCode> {
  const { servers } = configuration.exchange;
  const asked = options.servers.length === 0 ? servers : servers.filter(({ name }) => options.servers.includes(name));
  const mailbox = options.mailbox === undefined ? undefined : fold(options.mailbox.trim());
  const misuse = whatMakesNoSense({ ...options, mailbox }, configuration, asked);
  if (misuse !== undefined) {
    process.stderr.write(`presence-gateway: ${misuse}\n`);
    return exitCode.usage;
  }
  const places = [...(options.servers.length === 0 ? [XMPP] : []), ...asked.map(({ name }) => name)];
  const canShow = process.stderr.isTTY && process.env.TERM !== 'dumb';
  const progress = createCheckProgress({ total: places.length, terminal: canShow ? process.stderr : undefined });
  const report = createCheckReport({
    ...{ json: options.json, places, clock: systemClock },
    isTerminal: process.stdout.isTTY && !process.env.NO_COLOR,
    write: (text) => progress.around(() => process.stdout.write(text)),
  });
  return await untilInterrupted(async (signal) => {
    const checks = exchangeChecks(servers, asked, mailbox, signal);
    if (options.servers.length === 0) {
      const { xmpp, storage } = configuration;
      checks.unshift([XMPP, () => checkXmpp({ xmpp, database: storage.file, clock: systemClock, signal })]);
    }
    try {
      await runAll(checks, { report, progress, signal });
    } finally {
      progress.end();
      // Also of what was broken off.
      report.flush();
    }
    return codes[report.end()];
  });
}

type Check = readonly [place: string, run: () => Findings];

/** Servers that are asked with the same account and secret take turns with it. */
function exchangeChecks(
  servers: readonly ExchangeServer[],
  asked: readonly ExchangeServer[],
  named: Mailbox | undefined,
  signal: AbortSignal,
): Check[] {
  const guardOf = accountGuards();
  const routes = mailboxRoutes(servers);
  const chosen = named === undefined ? undefined : serversFor(named, routes).find((server) => asked.includes(server));
  // What is seen is printed: the log has nothing to add.
  const logger = createLogger({ level: 'error', format: 'json', destination: process.stderr });
  return asked.map((server) => {
    const account = new AccountTurns(guardOf(server), systemClock);
    const mailbox = server === chosen ? named : server.sampleMailbox;
    const context = { account, mailbox, clock: systemClock, logger, signal };
    const finding = mailbox === undefined ? undefined : routeFinding(mailbox, server, serversFor(mailbox, routes));
    return [server.name, () => checkAsRouted(server, finding, context)];
  });
}

/** Nothing where the gateway asks the server for the mailbox before all others. */
function routeFinding(
  mailbox: Mailbox,
  server: ExchangeServer,
  inOrder: readonly ExchangeServer[],
): CheckFinding | undefined {
  const [first] = inOrder;
  if (first === server) return undefined;
  if (first !== undefined && inOrder.includes(server)) {
    const seen = `the gateway asks this server for ${mailbox} only when ${first.name} does not have it any more`;
    return { step: 'route', severity: 'info', seen };
  }
  const where = first === undefined ? 'no server is configured for it' : `it is asked of ${first.name}`;
  return {
    ...{ step: 'route', severity: 'warning' },
    seen: `the gateway does not ask this server for its sampleMailbox ${mailbox}: ${where}`,
    advice: 'Give a sampleMailbox that is on this server, or mend mailboxes or domains, which say who is on which',
  };
}

/** What a server says of a mailbox that it is never asked for counts for nothing. */
async function* checkAsRouted(server: ExchangeServer, finding: CheckFinding | undefined, context: Context): Findings {
  if (finding !== undefined) yield finding;
  const isAsked = finding?.severity !== 'warning';
  yield* checkExchange(server, isAsked ? context : { ...context, mailbox: undefined });
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

type Watchers = { readonly report: CheckReport; readonly progress: CheckProgress; readonly signal: AbortSignal };

/** @throws the signal's reason when aborted; what is a fault of our own, when all others are done */
async function runAll(checks: readonly Check[], { report, progress, signal }: Watchers): Promise<void> {
  const rest = checks.values();
  const faults: unknown[] = [];
  const workers = Array.from({ length: Math.min(CONCURRENCY, checks.length) }, async () => {
    for (const [place, run] of rest) {
      let isDone = false;
      progress.started(place);
      try {
        signal.throwIfAborted();
        for await (const finding of run()) report.add(place, finding);
        isDone = true;
      } catch (error) {
        faults.push(error);
      }
      progress.finished(place);
      if (isDone) report.done(place);
    }
  });
  await Promise.all(workers);
  signal.throwIfAborted();
  if (faults.length > 0) throw faults[0];
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
