// The simulator alone, to try a gateway by hand: free/busy, and, for an account that may impersonate, streams of events
// as the file with the calendars is edited, from one mailbox server or several.

import { readFileSync, watchFile } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Calendars } from './calendars.ts';
import { startExchangeSimulator } from './exchange-simulator.ts';

const USAGE = `Usage: tsx test/support/exchange-simulator/main.ts [options]

An Exchange server on 127.0.0.1 for trying a gateway by hand. It answers GetUserAvailability, and sends what changes to
those who subscribe (Subscribe, GetStreamingEvents, Unsubscribe).

  --port NUMBER        where to listen (default: any free port)
  --calendars FILE     mailboxes and their entries as YAML; read again whenever it changes
  --username NAME      the account (default: gateway)
  --password TEXT      its password (default: secret)
  --think MS           milliseconds before each answer (default: 0)
  --impersonation      the account may impersonate, as subscribing to others' calendars needs
  --backends NUMBER    mailbox servers behind the address (default: 1)
  --help               this text

The file, with times of today by the local clock, or instants:

  alice@example.test:
    - { at: "10:00", until: "10:30", status: Busy, subject: Stand-up }
    - { at: 2026-01-09T08:00:00Z, until: 2026-01-10T08:00:00Z, status: OOF }
  director@example.test: { access: none }

Statuses: Free, Tentative, Busy, OOF, WorkingElsewhere, NoData. Requests are checked against the official
schemas when the environment variable EWS_SCHEMAS names their folder.
`;

const EX_USAGE = 64;

function fill(calendars: Calendars, file: string): void {
  const today = new Date().setHours(0, 0, 0, 0);
  calendars.loadCalendars(readFileSync(file, 'utf8'), { today, only: true });
}

function readOptions(): {
  port?: string;
  calendars?: string;
  username?: string;
  password?: string;
  think?: string;
  impersonation?: boolean;
  backends?: string;
  help?: boolean;
} {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = { port: text, calendars: text, username: text, password: text, think: text, backends: text } as const;
  return parseArgs({ options: { ...options, impersonation: flag, help: flag } }).values;
}

function readNumber(name: string, text = '0'): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} must be a whole number, not ${text}`);
  return Number(text);
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options.help === true) {
    process.stdout.write(USAGE);
    return;
  }
  const { username = 'gateway', password = 'secret', calendars: file } = options;
  const port = readNumber('port', options.port);
  const simulator = await startExchangeSimulator({
    port,
    account: { username, password },
    think: readNumber('think', options.think),
    impersonation: options.impersonation ?? false,
    backends: readNumber('backends', options.backends ?? '1'),
  });
  if (file !== undefined) {
    fill(simulator.calendars, file);
    watchFile(file, { interval: 500 }, () => {
      try {
        fill(simulator.calendars, file);
        console.log(`Read ${file} again`);
      } catch (error) {
        console.error((error as Error).message);
      }
    });
  }
  console.log(`Exchange simulator at ${simulator.url} (user ${username}); Ctrl-C ends it`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void simulator.stop().then(() => process.exit(0)));
  }
}

main().catch((error: unknown) => {
  console.error(`${(error as Error).message}\nSee --help.`);
  process.exitCode = EX_USAGE;
  // A simulator that has started already would keep the process alive.
  process.exit();
});
