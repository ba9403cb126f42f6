// Many clients in a process of its own that count a text in what comes, and do nothing else with it: they measure how
// fast a server delivers, and shall not be what it waits for.

import { setTimeout as sleep } from 'node:timers/promises';
import { answerParent } from './helper-process.ts';
import { logInRaw, type RawAccount, type RawSession } from './raw-log-in.ts';
import { preciseNow } from './raw-sink.ts';

/** How often the text has come, and when it first and last did (epoch milliseconds with fractions; 0: never). */
export type Count = { readonly count: number; readonly first: number; readonly last: number };

const sessions: RawSession[] = [];
let wanted = '';
let count = { count: 0, first: 0, last: 0 };

function listen({ socket }: RawSession): void {
  let end = '';
  socket.on('data', (chunk: string) => {
    if (wanted === '') return;
    const text = end + chunk;
    let found = 0;
    let from = 0;
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, from)) {
      found++;
      from = at + wanted.length;
    }
    // What may be the beginning of one that goes on in the next chunk.
    end = text.slice(Math.max(from, text.length - wanted.length + 1));
    if (found === 0) return;
    count.last = preciseNow();
    count.first ||= count.last;
    count.count += found;
  });
}

const handlers = {
  async logIn(accounts: readonly RawAccount[]): Promise<void> {
    for (const account of accounts) {
      const session = await logInRaw(account, 'latin1');
      listen(session);
      sessions.push(session);
    }
  },

  /** Counts this text from now on, and nothing else. ASCII. */
  async count(text: string): Promise<void> {
    wanted = text;
    count = { count: 0, first: 0, last: 0 };
  },

  /** Resolves when the text has come so often, all clients together, and a little later: it must not come more often. */
  async until({ times, limit }: { times: number; limit: number }): Promise<Count> {
    const deadline = preciseNow() + limit;
    while (count.count < times) {
      if (preciseNow() > deadline) throw new Error(`${count.count} instead of ${times} times ${wanted} in ${limit} ms`);
      await sleep(10);
    }
    await sleep(200);
    if (count.count > times) throw new Error(`${count.count} instead of ${times} times ${wanted}`);
    return count;
  },

  async stop(): Promise<void> {
    await Promise.all(sessions.map((session) => session.stop()));
  },
};
export type CrowdProcess = typeof handlers;

answerParent(handlers);
