// An Exchange server that does nothing but wait: its answers are written by the simulator's own writer and compressed
// before the first request, so that it is not what is measured. It looks at nothing in a request but its credentials
// and its addresses: their number must be right, and which answer is sent depends on the first of them.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { HOUR, MINUTE } from '../../../component/runtime/clock.ts';
import { writeAvailability } from '../../support/exchange-simulator/availability-answer.ts';
import { exchangeStyle } from '../../support/exchange-simulator/soap.ts';
import { utc } from '../../support/exchange-simulator/time-zone.ts';
import { answerParent } from './helper-process.ts';

export type ReadyExchangeOptions = {
  /** Mailboxes in each request, and entries of each mailbox. */
  readonly mailboxes: number;
  readonly entries: number;
  /** Milliseconds before each answer. */
  readonly think: number;
};

/** What has happened since the last look. */
export type ReadyExchangeFacts = {
  readonly requests: number;
  readonly refused: number;
  readonly mostAtOnce: number;
  /** Processor time, in milliseconds. */
  readonly cpu: number;
};

const DIFFERENT_ANSWERS = 100;
const ADDRESS = '<t:Address>';
const HEAD = {
  'content-type': 'text/xml; charset=utf-8',
  'cache-control': 'private',
  server: 'Microsoft-IIS/10.0',
  'request-id': '5f0b2c3d-8f6c-4a6f-9d53-2a1b7c9e0d11',
  'x-feserver': 'EX01',
  vary: 'Accept-Encoding',
};

let facts = { requests: 0, refused: 0, mostAtOnce: 0 };
let cpu = process.cpuUsage();
let atOnce = 0;

const handlers = {
  async start({ mailboxes, entries, think }: ReadyExchangeOptions): Promise<{ url: string; bytes: number }> {
    const now = Date.now();
    const answers = Array.from({ length: DIFFERENT_ANSWERS }, (_, variant) => {
      const text = answerText(now, variant, mailboxes, entries);
      return { identity: Buffer.from(text), gzip: gzipSync(text, { level: 4 }) };
    });
    const server = createServer((request, response) => void serve(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return { url: `http://127.0.0.1:${port}/EWS/Exchange.asmx`, bytes: answers[0]?.identity.length ?? 0 };

    async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
      facts.mostAtOnce = Math.max(facts.mostAtOnce, ++atOnce);
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString('latin1');
      facts.requests++;
      const isGood = request.headers.authorization !== undefined && countAddresses(body) === mailboxes;
      setTimeout(() => {
        atOnce--;
        if (!isGood) {
          facts.refused++;
          response.writeHead(400).end();
          return;
        }
        const answer = answers[variantFor(body)] as (typeof answers)[number];
        const isGzip = request.headers['accept-encoding']?.includes('gzip') ?? false;
        response.writeHead(200, isGzip ? { ...HEAD, 'content-encoding': 'gzip' } : HEAD);
        response.end(isGzip ? answer.gzip : answer.identity);
      }, think);
    }
  },

  facts(): ReadyExchangeFacts {
    const { user, system } = process.cpuUsage(cpu);
    const taken = { ...facts, cpu: (user + system) / 1_000 };
    facts = { requests: 0, refused: 0, mostAtOnce: 0 };
    cpu = process.cpuUsage();
    return taken;
  },
};
export type ReadyExchange = typeof handlers;

/** Meetings of half an hour with time between them, spread over two days, and no two answers alike. */
function answerText(now: number, variant: number, mailboxes: number, entries: number): string {
  const from = Math.ceil(now / MINUTE) * MINUTE + HOUR;
  const gap = Math.floor((44 * HOUR) / entries / MINUTE) * MINUTE;
  const statuses = ['Busy', 'Tentative', 'OOF', 'WorkingElsewhere'] as const;
  const results = Array.from({ length: mailboxes }, (_, mailbox) => ({
    entries: Array.from({ length: entries }, (_, index) => {
      const start = from + index * gap + ((mailbox * 7 + variant) % 60) * MINUTE;
      const status = statuses[(mailbox + index + variant) % statuses.length] ?? 'Busy';
      return { id: '', subject: '', start, end: start + HOUR / 2, status };
    }),
  }));
  return writeAvailability(exchangeStyle, utc, results);
}

function countAddresses(body: string): number {
  let count = 0;
  for (let at = body.indexOf(ADDRESS); at >= 0; at = body.indexOf(ADDRESS, at + ADDRESS.length)) count++;
  return count;
}

function variantFor(body: string): number {
  const start = body.indexOf(ADDRESS) + ADDRESS.length;
  return Number(/\d+/.exec(body.slice(start, start + 40))?.[0] ?? 0) % DIFFERENT_ANSWERS;
}

answerParent(handlers);
