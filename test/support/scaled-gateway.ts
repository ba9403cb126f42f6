// The gateway's command line with clocks that run faster than the machine's, so that a test need not wait for hours.
// CALENDAR_SPEED: how many seconds pass for calendars and presence in one; WIRE_SPEED: the same for the network's waits.
// CLOCK_ORIGIN: the instant at which both began to run faster (so that other processes can know what time it is).

import { cli } from '../../adapters/cli/cli.ts';
import { scaledClock } from './scaled-clock.ts';

const { CALENDAR_SPEED = '1', WIRE_SPEED = '1', CLOCK_ORIGIN = String(Date.now()) } = process.env;
const origin = Number(CLOCK_ORIGIN);

process.exitCode = await cli(process.argv.slice(2), {
  calendar: scaledClock(Number(CALENDAR_SPEED), origin),
  wire: scaledClock(Number(WIRE_SPEED), origin),
});
