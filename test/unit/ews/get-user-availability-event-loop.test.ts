// A large answer is read in short turns: something else, a timer say, never waits long for its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askFreeBusy } from '../../../adapters/ews/free-busy-request.ts';
import { basicCredentials } from '../../../adapters/ews/http/authentication.ts';
import { createEwsTransport, type EwsTransport } from '../../../adapters/ews/http/ews-transport.ts';
import { ShortTurns } from '../../../adapters/ews/xml/short-turns.ts';
import { systemClock } from '../../../adapters/runtime/system-clock.ts';
import { addresses, answersWindow, exchangeAnswer } from '../../support/availability-answers.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const MAILBOXES = addresses(100);
/** Enough for a machine that does other things, too. */
const ATTEMPTS = 20;

/** Gives what stdin had for an answer, from a process of its own: ours shall do nothing but read. */
const SERVER = `
  const body = require('node:fs').readFileSync(0);
  const server = require('node:http').createServer((request, response) => {
    request.resume().on('end', () => response.end(body));
  });
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

let server: ChildProcess;
let transport: EwsTransport;

beforeAll(async () => {
  const child = spawn(process.execPath, ['-e', SERVER], { stdio: ['pipe', 'pipe', 'inherit'] });
  server = child;
  child.stdin.end(exchangeAnswer(MAILBOXES.length, 1_000));
  const [port] = await once(child.stdout, 'data');
  const credentials = basicCredentials('gateway', 'secret');
  const url = `http://127.0.0.1:${String(port).trim()}/EWS/Exchange.asmx`;
  transport = createEwsTransport({ url, credentials, connections: 1, clock: systemClock });
});
afterAll(async () => {
  await transport.close();
  server.kill();
  await once(server, 'exit');
});

/**
 * The longest that the event loop was held, in milliseconds of this process's processor time: what other processes take
 * of the machine meanwhile is not our doing.
 */
async function longestTurn(run: () => Promise<unknown>): Promise<number> {
  const used = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  };
  let longest = 0;
  let isOver = false;
  let last = used();
  const turn = () => {
    const now = used();
    longest = Math.max(longest, now - last);
    last = now;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  await run();
  isOver = true;
  await new Promise((resolve) => setImmediate(resolve));
  return longest;
}

describe('the event loop', () => {
  test('is held for less than 10 ms at a time by an answer for 100 mailboxes of 1,000 entries each', async () => {
    const seen: number[] = [];
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const longest = await longestTurn(async () => {
        const context = {
          transport,
          clock: systemClock,
          logger: new RecordingLogger(),
          knownOddities: new Set<string>(),
        };
        const answers = await askFreeBusy(context, MAILBOXES, answersWindow, new AbortController().signal);
        expect(answers.every((answer) => 'periods' in answer && answer.periods.length === 1_000)).toBe(true);
      });
      seen.push(longest);
      if (longest < 10) return;
    }
    expect.fail(`held for ${seen.map((time) => time.toFixed(1)).join(', ')} ms`);
  }, 60_000);

  test('has a turn whenever pieces that are there already have taken some milliseconds', async () => {
    const turns = new ShortTurns();
    const work = () => {
      for (const began = performance.now(); performance.now() - began < 1; );
    };
    let others = 0;
    const other = setInterval(() => others++, 1);
    for (let piece = 0; piece < 40; piece++) await turns.run(work);
    clearInterval(other);
    expect(others).toBeGreaterThan(5);
  });
});
