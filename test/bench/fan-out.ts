// npm run bench -- fan-out [--json]
//
// 600 contacts with 100 watchers each, and all meetings begin at the same second: 60,000 presences at once. How fast are
// they delivered, and what does each of them cost the gateway's process?
//
// The floor is a component on a bare socket, in a process of its own: the same 60,000 presences, serialised beforehand
// (the same bytes, but for a domain of the same length), written in one call. It also writes them as the gateway must, in
// windows of 500 that end with a ping, two of which may be under way: a server that reads slowly would otherwise hold
// tens of thousands of stanzas before the next answer to a probe. All speak to the same 100 clients through the same
// server; the clients are one more process, which counts and does nothing else. They take turns, and the whole is done
// on Prosody and on ejabberd.
//
// The rate is 60,000 by the time from the due instant to the last presence in a client's socket. The server bounds it:
// what can be lost is what the gateway's windows leave the server idle for. Processor time is what the kernel has
// counted for all threads of the process, from before the due instant until the last presence has come. The gateway's
// contains all that it does meanwhile: waking, deciding, serialising, the acknowledgements of its windows, saving what
// was said, asking Exchange whose turn it is, and its garbage collection.
//
// To send into a socket whose buffer is empty costs the sender the whole way to the receiver's queue; to write ten
// megabytes in one call leaves most of that to the receiver, who makes room. So the two manners of the bare component
// differ by more than their system calls, and the gateway is to be seen beside both.
//
// The gateway is what `npm run build` made, with its defaults.

import { type Benchmark, formatSummary, readable, rounded, summarizeRounds } from './harness.ts';
import { openServerStorms, type Storm, serverNames } from './support/server-storm.ts';

const CONTACTS = 600;
const WATCHERS = 100;
/** A third of it is each one’s: on a busy machine Prosody needs fifteen seconds for a storm. */
const CYCLE = 60_000;

export const benchmark: Benchmark = {
  summary: `${(CONTACTS * WATCHERS).toLocaleString('en-US')} presences at once, through Prosody and ejabberd (at least 0.95 × the raw rate, at most 2 × the raw writer's processor time)`,
  floor:
    'the same presences, serialised beforehand, written by a bare component: in one call, and in acknowledged windows',

  async run({ rounds, progress }) {
    const table: string[][] = [['', 'gateway', 'raw', '', 'raw, windows', '']];
    const results: Record<string, Record<string, number>> = {};
    for (const server of serverNames) {
      progress(`on ${server}`);
      const ours: Storm[] = [];
      const raw: Storm[] = [];
      const windows: Storm[] = [];
      const storms = await openServerStorms({ server, contacts: CONTACTS, watchers: WATCHERS, rounds, cycle: CYCLE });
      try {
        for (let round = 0; round < rounds; round++) {
          progress(`round ${round + 1} of ${rounds}`);
          ours.push(await storms.ours());
          raw.push(await storms.raw('write'));
          windows.push(await storms.raw('writeInWindows'));
        }
      } finally {
        await storms.close();
      }
      const [a, b, c] = [summarizeRounds(ours), summarizeRounds(raw), summarizeRounds(windows)];
      const row = (title: string, name: keyof Storm) => [
        title,
        formatSummary(a[name]),
        formatSummary(b[name]),
        `${readable(a[name].median / b[name].median)} ×`,
        formatSummary(c[name]),
        `${readable(a[name].median / c[name].median)} ×`,
      ];
      table.push(
        row(`${server}: presences a second`, 'per_s'),
        row('  milliseconds for all', 'wall_ms'),
        row('  processor, µs for each', 'cpu_us'),
      );
      results[server] = {
        rate_over_raw: rounded(a.per_s.median / b.per_s.median, 3),
        cpu_over_raw: rounded(a.cpu_us.median / b.cpu_us.median, 3),
        rate_over_windows: rounded(a.per_s.median / c.per_s.median, 3),
        cpu_over_windows: rounded(a.cpu_us.median / c.cpu_us.median, 3),
      };
    }
    const { prosody, ...others } = results;
    return { table, json: { ...prosody, ...others } };
  },
};
