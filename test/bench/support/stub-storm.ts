// Storms against a component server that only counts: how fast the gateway is by itself, and how that grows.

import { setTimeout as sleep } from 'node:timers/promises';
import { ONLINE } from '../../support/house.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import type { ComponentStub } from './component-stub-process.ts';
import { everyPair } from './filled-database.ts';
import { forkHelper } from './helper-process.ts';
import { processorTime } from './processor-time.ts';
import {
  COMPONENT,
  IN_A_MEETING,
  knownMailboxes,
  loopWatch,
  meetings,
  memoryOf,
  NO_EXCHANGE,
  names,
  nextTurn,
} from './storm.ts';
import { startSubscribedGateway } from './subscribed-gateway.ts';

const DOMAIN = 'example.test';
const LIMIT = 60_000;
/** Until the first beginning of a meeting: the database is filled, the gateway starts and says everything once. */
const PREPARATION = 15_000;

export type StubStorm = {
  /** Milliseconds from the due instant to the last presence, and to the first. */
  wall_ms: number;
  first_ms: number;
  per_s: number;
  cpu_us: number;
  loop_p99_ms: number;
  loop_max_ms: number;
  rss_mib: number;
};

/** So many contacts with so many watchers change at once, in each of the rounds. */
export async function stubStorms(contactCount: number, watcherCount: number, rounds: number): Promise<StubStorm[]> {
  const contacts = names('contact', contactCount);
  const watchers = names('watcher', watcherCount).map((name) => `${name}@${DOMAIN}`);
  const presences = contactCount * watcherCount;
  const closers: (() => unknown)[] = [];
  try {
    const folder = makeTempFolder();
    closers.push(() => folder.remove());
    const stub = forkHelper<ComponentStub>(new URL('./component-stub-process.ts', import.meta.url));
    closers.push(() => stub.stop());
    const port = await stub.call('listen', undefined);
    // Two microseconds a presence, and as long again for the return.
    const length = Math.max(4_000, Math.ceil((presences * 8) / 1e6) * 1_000);
    const preparation = PREPARATION + contactCount / 4;
    const origin = Math.ceil((Date.now() + preparation) / 1_000) * 1_000;
    const cycle = { origin, length, meeting: length / 2 };
    const loop = loopWatch(folder);
    const gateway = await startSubscribedGateway({
      ...{ url: NO_EXCHANGE, folder, server: { componentPort: port, domain: DOMAIN, component: COMPONENT } },
      subscriptions: everyPair(contacts, watchers),
      mailboxes: knownMailboxes(
        contacts.map((contact) => `${contact}@${DOMAIN}`),
        meetings(cycle, 2 * rounds + 2),
      ),
      overrides: { xmpp: { repeatRate: 100_000 } },
      env: loop.env,
    });
    closers.push(() => gateway.remove());
    await stub.call('count', '<presence');
    await gateway.waitForLog(ONLINE, LIMIT);
    await stub.call('until', { times: presences, limit: LIMIT });
    const results: StubStorm[] = [];
    for (let round = 0; round < rounds; round++) {
      const due = nextTurn(cycle);
      await sleep(due - 500 - Date.now());
      await stub.call('count', IN_A_MEETING);
      await loop.take(gateway.pid);
      const cpu = processorTime(gateway.pid);
      const { first, last } = await stub.call('until', { times: presences, limit: LIMIT });
      const spent = processorTime(gateway.pid) - cpu;
      const { p99, max } = await loop.take(gateway.pid);
      results.push({
        ...{ wall_ms: last - due, first_ms: first - due, per_s: (presences / (last - due)) * 1_000 },
        ...{ cpu_us: (spent / presences) * 1_000, loop_p99_ms: p99, loop_max_ms: max },
        rss_mib: memoryOf(gateway.pid, 'VmHWM'),
      });
    }
    await stub.call('stop', undefined);
    return results;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}
