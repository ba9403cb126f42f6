// Preloaded into a gateway's process (--import): how late is its event loop? With each SIGUSR2 a file gets what was
// measured since the one before. The values contain the millisecond of the measurement's own timer.

import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
process.on('SIGUSR2', () => {
  const facts = { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 };
  writeFileSync(process.env.LOOP_DELAY_FILE, JSON.stringify(facts));
  delay.reset();
});
