import { MINUTE, SECOND } from '../../component/runtime/clock.ts';
import type { Configuration } from '../../config/schema.ts';
import { basicCredentials } from '../ews/authentication.ts';
import type { CheckFinding } from '../ews/check-finding.ts';
import { checkServer } from '../ews/server-check.ts';
import { createLogger } from '../runtime/pino-logger.ts';
import { systemClock } from '../runtime/system-clock.ts';
import { type ExitCode, exitCode } from './exit-code.ts';

export type CheckOptions = { readonly mailbox: string | undefined; readonly json: boolean };

type Server = Configuration['exchange']['servers'][number];
type Print = (server: string, finding: CheckFinding) => void;

/** The most time that one server's check may take besides its two requests. */
const LIMIT = MINUTE;

/** Checks every configured Exchange server, all of them beside each other, and prints what was found. */
export async function check(configuration: Configuration, { mailbox, json }: CheckOptions): Promise<ExitCode> {
  const { servers } = configuration.exchange;
  const nameless = servers.filter((server) => (mailbox ?? server.sampleMailbox) === undefined);
  if (nameless.length > 0) {
    const names = nameless.map(({ name }) => name).join(', ');
    process.stderr.write(`presence-gateway: which mailbox? Give --mailbox, or a sampleMailbox for: ${names}\n`);
    return exitCode.usage;
  }
  const print = json ? printJson : printLine;
  const results = await Promise.all(
    servers.map((server) => checkOne(server, (mailbox ?? server.sampleMailbox) as string, print)),
  );
  return results.every(Boolean) ? exitCode.ok : exitCode.trouble;
}

async function checkOne(server: Server, mailbox: string, print: Print): Promise<boolean> {
  let sound = true;
  let step: CheckFinding['step'] = 'resolve';
  const { name, url, username, password, ca, timeout } = server;
  const limit = LIMIT + 2 * timeout;
  const findings = checkServer({
    ...{ url, ca, mailbox, clock: systemClock },
    credentials: basicCredentials(username, password),
    limits: { request: timeout },
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
