// npm run demo [-- --once]
//
// Watches over the play (play.ts), which runs in a process group of its own: Ctrl-C on a terminal goes to every process
// of the group, and Prosody would be gone before the gateway could tell Bob that it stops.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = `Usage: npm run demo [-- --once]

Shows what a Jabber client receives beside what the calendars in Exchange say. All of it runs on this
machine and on loopback: Prosody, an Exchange simulator, the gateway, and a client for Bob.

  --once   play a meeting, an absence, an Exchange outage and a stop of the gateway, and check that Bob
           received exactly what he should
  --help   this text

Exit codes: 0 all went well; 1 Bob received something else, or the demonstration could not be played;
64 wrong usage; 69 something is missing that can't be installed here; 130 interrupted while checking.
`;
const EX_USAGE = 64;
const EXIT_FAILED = 1;

function readArguments() {
  try {
    return parseArgs({ options: { once: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } }).values;
  } catch (error) {
    return (error as Error).message;
  }
}

function watchOver(args: readonly string[]): void {
  const play = fork(fileURLToPath(new URL('./play.ts', import.meta.url)), [...args], {
    detached: true,
    execArgv: ['--import', 'tsx'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => play.kill('SIGTERM'));
  play.once('exit', (code) => {
    process.exitCode = code ?? EXIT_FAILED;
  });
}

const values = readArguments();
if (typeof values === 'string') {
  process.stderr.write(`${values}\n\n${USAGE}`);
  process.exitCode = EX_USAGE;
} else if (values.help) process.stdout.write(USAGE);
else watchOver(values.once ? ['--once'] : []);
