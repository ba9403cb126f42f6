// npm run bench -- storm [--json]
//
// Nine o'clock. First 7,500 contacts with 10 watchers each, through Prosody: all meetings begin at the same second. The
// floor is a component on a bare socket that writes the same 75,000 presences, serialised beforehand, in one call; the
// time goes from the due instant to the last presence in a client's socket, for both. Meanwhile another component probes
// 100 contacts, one every 20 ms, as a server does for clients that log in, and the gateway's event loop is watched from
// within its process. Memory is the most that the process ever had (VmHWM). Exchange is the simulator, as always.
//
// Then 1,000, 10,000 and 100,000 contacts with 10 watchers, and no server: a process that speaks the server's side of
// XEP-0114, counts, and answers pings. That shows what the gateway itself can do, and how it grows. Calendars are those
// of an earlier run, and Exchange is silent: this is about presence alone. The counting process needs about as much of a
// processor for a stanza as the gateway does, so both bound the rate; the processor time in the table is the gateway's.

import { type Benchmark, formatSummary, percentile, readable, rounded, summarizeRounds } from './harness.ts';
import { openServerStorms, RAW, type Storm } from './support/server-storm.ts';
import { memoryOf, names } from './support/storm.ts';
import { stubStorms } from './support/stub-storm.ts';

const CONTACTS = 7_500;
const WATCHERS = 10;
const CYCLE = 60_000;
const PROBES = 100;
const PROBE_PAUSE = 20;
const LIMIT = 60_000;
const SIZES = [1_000, 10_000, 100_000];

export const benchmark: Benchmark = {
  summary: `${(CONTACTS * WATCHERS).toLocaleString('en-US')} presences at nine o'clock (at most 1.1 × raw, loop p99 ≤ 50 ms, probes p99 ≤ 200 ms, ≤ 300 MiB), and the gateway's own ceiling`,
  floor: 'the same presences, serialised beforehand, written in one call by a bare component through the same Prosody',

  async run({ rounds, progress }) {
    progress('through Prosody');
    const { table, json } = await throughProsody(rounds, progress);
    table.push([], ['without a server', 'presences a second', 'µs of processor each', 'loop p99, ms', 'RSS, MiB']);
    let ceiling = 0;
    for (const size of SIZES) {
      progress(`${size.toLocaleString('en-US')} contacts without a server`);
      const storms = summarizeRounds(await stubStorms(size, WATCHERS, rounds));
      ceiling = storms.per_s.median;
      table.push([
        `${size.toLocaleString('en-US')} contacts`,
        formatSummary(storms.per_s),
        formatSummary(storms.cpu_us),
        formatSummary(storms.loop_p99_ms),
        readable(storms.rss_mib.median),
      ]);
    }
    return { table, json: { ...json, own_ceiling_per_s: Math.round(ceiling) } };
  },
};

async function throughProsody(rounds: number, progress: (line: string) => void) {
  const contacts = names('contact', CONTACTS);
  const probed = Array.from({ length: PROBES }, (_, index) => contacts[index * (CONTACTS / PROBES)] as string);
  const prober = `prober@${RAW.domain}`;
  const storms = await openServerStorms({
    ...{ server: 'prosody', contacts: CONTACTS, watchers: WATCHERS, rounds, cycle: CYCLE, watchesLoop: true },
    others: probed.map((contact) => ({ contact, watcher: prober })),
  });
  try {
    const { gateway, writer, loop, server } = storms;
    const ours: (Storm & { loop_p99_ms: number; loop_max_ms: number; probe_p50_ms: number; probe_p99_ms: number })[] =
      [];
    const raw: Storm[] = [];
    for (let round = 0; round < rounds; round++) {
      progress(`round ${round + 1} of ${rounds}`);
      let latencies: readonly number[] = [];
      await loop.take(gateway.pid);
      const storm = await storms.ours(async () => {
        const questions = probed.map((contact, index) => ({
          contact: `${contact}@${server.component.domain}`,
          client: `${prober}/${round}-${index}`,
        }));
        const answers = await writer.call('probe', { questions, pause: PROBE_PAUSE, limit: LIMIT });
        const wrong = answers.find(({ stanza }) => !stanza.includes('<show>dnd</show>'));
        if (wrong !== undefined) throw new Error(`a probe during the meeting was answered with ${wrong.stanza}`);
        latencies = answers.map(({ latency }) => latency);
      });
      const { p99, max } = await loop.take(gateway.pid);
      const [probe_p50_ms, probe_p99_ms] = [percentile(latencies, 50), percentile(latencies, 99)];
      ours.push({ ...storm, loop_p99_ms: p99, loop_max_ms: max, probe_p50_ms, probe_p99_ms });
      raw.push(await storms.raw('write'));
    }
    const [a, b] = [summarizeRounds(ours), summarizeRounds(raw)];
    const ratio = a.wall_ms.median / b.wall_ms.median;
    const most = memoryOf(gateway.pid, 'VmHWM');
    return {
      table: [
        [`${CONTACTS.toLocaleString('en-US')} contacts, Prosody`, 'gateway', 'raw', ''],
        ['ms until the last watcher knows', formatSummary(a.wall_ms), formatSummary(b.wall_ms), `${readable(ratio)} ×`],
        ['processor, µs for each', formatSummary(a.cpu_us), formatSummary(b.cpu_us)],
        ['event loop, p99, ms', formatSummary(a.loop_p99_ms)],
        ['event loop, worst, ms', formatSummary(a.loop_max_ms)],
        ['a probe’s answer, p50, ms', formatSummary(a.probe_p50_ms)],
        ['a probe’s answer, p99, ms', formatSummary(a.probe_p99_ms)],
        ['RSS, the most, MiB', readable(most)],
      ],
      json: {
        time_over_raw: rounded(ratio, 3),
        loop_p99_ms: rounded(a.loop_p99_ms.median, 3),
        probe_p99_ms: rounded(a.probe_p99_ms.median, 3),
        rss_peak_mib: Math.round(most),
      },
    };
  } finally {
    await storms.close();
  }
}
