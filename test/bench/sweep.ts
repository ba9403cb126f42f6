// npm run bench -- sweep [--json]
//
// The gateway starts with 100,000 watched mailboxes of which it knows nothing: how long until it knows all of them, how
// late is its event loop meanwhile, and what do they take?
//
// Ours is the real chain: WatchedCalendars with CalendarSync and AvailabilityCache over the EWS adapter, with the default
// settings and a ceiling of 10 requests at once, without a database and without XMPP. The floor is bare undici: the same
// 1,000 requests (the same bytes and headers, made before its clock starts), ten at once from the first moment, the
// bodies read from the socket and dropped, compressed as they are. Both run in a fresh process for each round, so both
// compile and connect within the measured time; ours writes its requests in it, too.
//
// Ours starts with one request at a time and adds one with each success (AIMD, decision in RequestBudget): it reaches
// the ceiling after four answers' time, which alone costs about two and a half of them.
//
// The server is a third process with nothing to do: 100 different answers, written by the simulator and compressed
// beforehand, are sent after 50 ms. How much of a processor it takes is in the table.
//
// The event loop's delay is Node's monitorEventLoopDelay at a resolution of 1 ms: its values contain that millisecond,
// and what the idle process shows stands beside. The heap is heapUsed + external after collections with everything
// known, minus the same before the first mailbox; the mailboxes' addresses are in it. RSS is the most there ever was,
// with the TypeScript loader that runs this in it.

import { type Benchmark, formatSummary, readable, rounded, runRounds, summarizeRounds } from './harness.ts';
import { forkHelper, type HelperProcess } from './support/helper-process.ts';
import type { ReadyExchange } from './support/ready-exchange-process.ts';
import type { Sweeps } from './support/sweep-process.ts';

const MAILBOXES = 100_000;
const ENTRIES = 10;
const BATCH = 100;
const THINK = 50;
const CONCURRENCY = 10;
const MIB = 1024 * 1024;

export const benchmark: Benchmark = {
  summary: `${MAILBOXES.toLocaleString('en-US')} mailboxes asked for once (at most 1.3 × bare undici, loop p99 ≤ 20 ms, ≤ 1 KiB of heap each)`,
  floor: `the same requests by bare undici, ${CONCURRENCY} in flight, the answers dropped; the server thinks ${THINK} ms`,

  async run({ rounds, progress }) {
    progress('writing the answers');
    const exchange = forkHelper<ReadyExchange>(new URL('./support/ready-exchange-process.ts', import.meta.url));
    try {
      const { url, bytes } = await exchange.call('start', { mailboxes: BATCH, entries: ENTRIES, think: THINK });
      const options = { url, mailboxes: MAILBOXES, batch: BATCH, entries: ENTRIES, concurrency: CONCURRENCY };

      /** Sweeps once in a process of its own, and looks at what the server saw of it. */
      const sweep = async <Result>(run: (sweeper: HelperProcess<Sweeps>) => Promise<Result>) => {
        const sweeper = forkHelper<Sweeps>(new URL('./support/sweep-process.ts', import.meta.url), ['--expose-gc']);
        try {
          await exchange.call('facts', undefined);
          const result = await run(sweeper);
          const { requests, refused, mostAtOnce, cpu } = await exchange.call('facts', undefined);
          if (requests !== MAILBOXES / BATCH || refused > 0 || mostAtOnce > CONCURRENCY) {
            throw new Error(`${requests} requests, ${refused} of them bad, up to ${mostAtOnce} at once`);
          }
          return { ...result, serverCpu: cpu };
        } finally {
          await sweeper.stop();
        }
      };
      const measured = await runRounds({
        ...{ rounds, progress },
        subject: () => sweep((sweeper) => sweeper.call('gateway', options)),
        floor: () => sweep((sweeper) => sweeper.call('floor', options)),
      });
      const ours = summarizeRounds(measured.subject);
      const floor = summarizeRounds(measured.floor);
      const wallOverFloor = ours.wall.median / floor.wall.median;
      return {
        table: [
          ['', 'gateway', 'bare undici', ''],
          ['wall, ms', formatSummary(ours.wall), formatSummary(floor.wall), `${readable(wallOverFloor)} ×`],
          ['event loop, p50, ms', formatSummary(ours.loopP50)],
          ['event loop, p99, ms', formatSummary(ours.loopP99)],
          ['event loop, worst, ms', formatSummary(ours.loopMax)],
          ['the same p99 when idle', formatSummary(ours.idleP99)],
          ['processor, ms', formatSummary(ours.cpu)],
          ['heap for each mailbox, bytes', formatSummary(ours.heapPerMailbox)],
          ['RSS at the end, MiB', readable(ours.rss.median / MIB)],
          ['RSS, the most, MiB', readable(ours.mostRss.median / MIB)],
          [],
          ['the server’s processor, ms', formatSummary(ours.serverCpu), formatSummary(floor.serverCpu)],
          ['bytes of an answer, uncompressed', readable(bytes)],
        ],
        json: {
          wall_over_floor: rounded(wallOverFloor),
          loop_p99_ms: rounded(ours.loopP99.median),
          heap_bytes_per_mailbox: Math.round(ours.heapPerMailbox.median),
          rss_mib: Math.round(ours.mostRss.median / MIB),
          wall_ms: Math.round(ours.wall.median),
          floor_ms: Math.round(floor.wall.median),
          loop_idle_p99_ms: rounded(ours.idleP99.median),
          loop_max_ms: rounded(ours.loopMax.median),
          starts_at: 1,
          ceiling: CONCURRENCY,
        },
      };
    } finally {
      await exchange.stop();
    }
  },
};
