#!/usr/bin/env node
import { systemClock } from '../runtime/system-clock.ts';
import { cli } from './cli.ts';
import { exitCode } from './exit-code.ts';

// Who reads the log may go away, and its disk may fill up: without a listener either would end the process, with every
// contact still "In a meeting".
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  process.exitCode = await cli(process.argv.slice(2), { calendar: systemClock, wire: systemClock });
} catch (error) {
  process.stderr.write(`presence-gateway: a fault of the gateway itself: ${(error as Error)?.stack ?? error}\n`);
  process.exit(exitCode.internal);
}
