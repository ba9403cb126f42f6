// Answers that no server should write: too large, without sense, hostile.

import type { ServerResponse } from 'node:http';
import { constants, gzipSync } from 'node:zlib';
import { MINUTE } from '../../../component/runtime/clock.ts';
import { exchangeAnswer } from '../../support/availability-answers.ts';
import { type FaultyExchange, PEOPLE } from './exchange.ts';
import type { Fault } from './fault.ts';

const MEGABYTE = 1024 * 1024;
const XML = { 'content-type': 'text/xml; charset=utf-8' };

const whole = exchangeAnswer(1, 1);
const entry = /<CalendarEvent>.*?<\/CalendarEvent>/.exec(whole)?.[0] ?? '';
const beforeEntries = whole.slice(0, whole.indexOf(entry));
const [head = ''] = whole.split('<FreeBusyResponse>');

/** 100 MB of the same, in place of any answer. */
function oversized(name: string, begin: string, more: string): Fault {
  const megabyte = Buffer.from(more.repeat(Math.ceil(MEGABYTE / more.length)));
  return {
    name,
    begin: (exchange) => {
      exchange.front.weather = {
        answer: (_asked, response) => {
          response.writeHead(200, XML).write(begin);
          send(exchange, response, megabyte, 100);
          return true;
        },
      };
    },
    cutsOff: PEOPLE,
    isLarge: true,
  };
}

function send(exchange: FaultyExchange, response: ServerResponse, piece: Buffer, times: number): void {
  for (let left = times; left > 0 && !response.destroyed; left--) {
    exchange.noteMemory();
    if (response.write(piece)) continue;
    response.once('drain', () => send(exchange, response, piece, left - 1));
    return;
  }
  response.end();
}

/** This text in place of any answer. */
function instead(name: string, body: string | Buffer, headers: Readonly<Record<string, string>> = {}): Fault {
  return {
    name,
    begin: ({ front }) => {
      front.weather = {
        answer: (_asked, response) => {
          response.writeHead(200, { ...XML, ...headers }).end(body);
          return true;
        },
      };
    },
    cutsOff: PEOPLE,
  };
}

/** Exchange's answer, changed. */
function rewritten(name: string, rewrite: (answer: string) => string, more: Partial<Fault> = {}): Fault {
  return {
    name,
    begin: ({ front }) => {
      front.weather = { rewrite };
    },
    cutsOff: PEOPLE,
    sparesStreams: true,
    ...more,
  };
}

/** The mailboxes have an error of their own each, and their own pause. */
const ofMailboxes: Partial<Fault> = { backOff: 33 * MINUTE, check: 'free-busy error' };
const starts = (time: string) => (answer: string) =>
  answer.replaceAll(/(StartTime[^>]*>)[^<]*/g, (_all, tag: string) =>
    tag.startsWith('StartTime>') ? tag + time : tag + time,
  );
const bomb = gzipSync(Buffer.concat([Buffer.from(beforeEntries), Buffer.alloc(100 * MEGABYTE, ' ')]), {
  level: constants.Z_BEST_SPEED,
});

export const answerFaults: readonly Fault[] = [
  oversized('100 MB of entries', beforeEntries, entry),
  oversized('100 MB of one word', `${head}<FreeBusyResponse><`, 'x'),
  oversized('100 MB of space', head, '\n'),
  oversized('elements nested for ever', head, '<a>'),
  { ...instead('a gzip bomb', bomb, { 'content-encoding': 'gzip' }), isLarge: true },
  instead('damaged gzip', gzipSync(whole).fill(7, 20, 60), { 'content-encoding': 'gzip' }),
  instead('an unknown compression', whole, { 'content-encoding': 'br' }),
  instead(
    'a bomb of entities',
    `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">${Array.from({ length: 9 }, (_, i) => `<!ENTITY a${i} "${`&a${i - 1};`.repeat(10)}">`).join('')}]>${whole}`,
  ),
  instead(
    'an external entity',
    `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>${whole.replace('NoError', '&a;')}`,
  ),
  instead('JSON', '{"error":"busy"}', { 'content-type': 'application/json' }),
  instead('a 200 without a body', ''),
  {
    ...instead('the answer to another question', whole.replaceAll('GetUserAvailabilityResponse', 'GetFolderResponse')),
    check: 'free-busy error',
  },
  rewritten('XML that ends too soon', (answer) => answer.slice(0, -40)),
  rewritten('two answers, one after the other', (answer) => answer + answer),
  rewritten('two answers, one in the other', (answer) =>
    answer.replace('FreeBusyResponse>', `FreeBusyResponse>${answer}`),
  ),
  rewritten(
    'an answer too many',
    (answer) => answer.replace(/<(\w+:)?FreeBusyResponse>.*?<\/(\w+:)?FreeBusyResponse>/s, '$&$&'),
    { check: 'free-busy error' },
  ),
  rewritten('control characters', (answer) => answer.replace('NoError', 'No\u0000Error')),
  rewritten('entries that end before they start', starts('2026-03-04T09:00:00'), ofMailboxes),
  rewritten('entries since the year 1', starts('0001-01-01T00:00:00'), ofMailboxes),
  rewritten(
    'entries until the year 9999',
    (answer) => answer.replaceAll(/(EndTime[^>]*>)\d[^<]*/g, '$19999-12-31T23:59:59'),
    ofMailboxes,
  ),
  rewritten('times that are none', starts('soon'), ofMailboxes),
  rewritten(
    'an unknown code for every mailbox',
    (answer) => answer.replaceAll('NoError', 'ErrorOfTomorrow'),
    ofMailboxes,
  ),
  rewritten(
    'a view without entries',
    (answer) =>
      answer.replaceAll(
        /(FreeBusyViewType[^>]*>)FreeBusy(<.*?)<CalendarEventArray.*?<\/CalendarEventArray>/gs,
        '$1None$2',
      ),
    {
      cutsOff: [],
      blurs: 'everything',
      check: 'free-busy error',
      backOff: 8 * MINUTE,
    },
  ),
];
