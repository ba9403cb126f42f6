import { MINUTE, SECOND } from '../../component/runtime/clock.ts';
import type { Configuration } from '../../config/schema.ts';
import type { CheckFinding } from '../ews/check-finding.ts';
import { checkServer } from '../ews/server-check.ts';
import { createLogger } from '../runtime/pino-logger.ts';
import { systemClock } from '../runtime/system-clock.ts';
import { serverConnection } from './exchange-servers.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { mailboxRoutes } from './mailbox-routes.ts';

export type CheckOptions = { readonly mailbox: string | undefined; readonly json: boolean };

type Server = Configuration['exchange']['servers'][number];
type Print = (server: string, finding: CheckFinding) => void;

/** The most time that one server's check may take besides its two requests. */
const LIMIT = MINUTE;

/**
 * Checks every configured Exchange server, all of them beside each other, and prints what was found.
 *
 * The mailbox that the command line names is asked of the server that serves its domain, the others are asked for
 * their `sampleMailbox`; one that has none is passed over.
 */
export async function check(configuration: Configuration, { mailbox, json }: CheckOptions): Promise<ExitCode> {
  const { servers } = configuration.exchange;
  const print = json ? printJson : printLine;
  const chosen = mailbox === undefined ? undefined : mailboxRoutes(servers)(mailbox);
  const asked = servers.map((server) => ({
    server,
    mailbox: server === chosen ? mailbox : server.sampleMailbox,
  }));
  const isHomeless = mailbox !== undefined && chosen === undefined;
  // Not passed over: who names a mailbox would take the others' success for its own.
  if (isHomeless || !asked.some((each) => each.mailbox !== undefined)) {
    const why =
      mailbox === undefined
        ? 'Give --mailbox, or the servers a sampleMailbox'
        : `No server is configured for ${mailbox}`;
    process.stderr.write(`presence-gateway: which mailbox shall be asked for? ${why}\n`);
    return exitCode.usage;
  }
  const results = await Promise.all(
    asked.map(async (each) => {
      if (each.mailbox !== undefined) return await checkOne(each.server, each.mailbox, print);
      print(each.server.name, { step: 'free-busy', ok: true, seen: 'not checked: it has no sampleMailbox' });
      return true;
    }),
  );
  return results.every(Boolean) ? exitCode.ok : exitCode.trouble;
}

async function checkOne(server: Server, mailbox: string, print: Print): Promise<boolean> {
  let sound = true;
  let step: CheckFinding['step'] = 'resolve';
  const { name, url, timeout } = server;
  const limit = LIMIT + 2 * timeout;
  if (url === undefined) {
    print(name, { step: 'free-busy', ok: true, seen: 'not checked: its address is found by Autodiscover' });
    return true;
  }
  const findings = checkServer({
    ...serverConnection(server, systemClock),
    ...{ url, mailbox },
    // What it sees, it prints: the log has nothing to add.
    logger: createLogger({ level: 'error', format: 'json', destination: process.stderr }),
    signal: AbortSignal.timeout(limit),
  });
  try {
    for await (const finding of findings) {
      print(name, finding);
      step = finding.step;
      sound &&= finding.ok;
    }
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    print(name, { step, ok: false, seen: `nothing more within ${limit / SECOND} seconds` });
    return false;
  }
  return sound;
}

function printLine(server: string, { step, ok, seen, advice }: CheckFinding): void {
  process.stdout.write(`${ok ? 'ok  ' : 'FAIL'}  ${server}  ${step.padEnd(12)}  ${seen}\n`);
  if (advice !== undefined) process.stdout.write(`      ${server}  ${'→'.padEnd(12)}  ${advice}\n`);
}

function printJson(server: string, finding: CheckFinding): void {
  process.stdout.write(`${JSON.stringify({ server, ...finding })}\n`);
}
