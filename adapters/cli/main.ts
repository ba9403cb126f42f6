#!/usr/bin/env node
import { systemClock } from '../runtime/system-clock.ts';
import { cli } from './cli.ts';
import { exitCode } from './exit-code.ts';

try {
  process.exitCode = await cli(process.argv.slice(2), { calendar: systemClock, wire: systemClock });
} catch (error) {
  process.stderr.write(`presence-gateway: a fault of the gateway itself: ${(error as Error)?.stack ?? error}\n`);
  process.exit(exitCode.internal);
}
