// The simulator alone, to try a gateway by hand.

import { readFileSync, watchFile } from 'node:fs';
import { parseArgs } from 'node:util';
import { Calendars } from './calendars.ts';
import { startExchangeSimulator } from './exchange-simulator.ts';

const USAGE = `Usage: tsx test/support/exchange-simulator/main.ts [options]

An Exchange server on 127.0.0.1 that answers GetUserAvailability (EWS), for trying a gateway by hand.

  --port NUMBER        where to listen (default: any free port)
  --calendars FILE     mailboxes and their entries as YAML; read again whenever it changes
  --username NAME      the account (default: gateway)
  --password TEXT      its password (default: secret)
  --think MS           milliseconds before each answer (default: 0)
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
  const text = readFileSync(file, 'utf8');
  // What is wrong is found before anything is lost.
  new Calendars().loadCalendars(text, { today });
  calendars.clear();
  calendars.loadCalendars(text, { today });
}

function readOptions(): {
  port?: string;
  calendars?: string;
  username?: string;
  password?: string;
  think?: string;
  help?: boolean;
} {
  const text = { type: 'string' } as const;
  const options = { port: text, calendars: text, username: text, password: text, think: text } as const;
  return parseArgs({ options: { ...options, help: { type: 'boolean' } } }).values;
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
