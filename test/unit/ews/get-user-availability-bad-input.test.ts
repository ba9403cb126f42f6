// What no server should send, from the socket to the answers: an error of a known kind, and nothing else.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { askFreeBusy } from '../../../adapters/ews/free-busy-request.ts';
import { systemClock } from '../../../adapters/runtime/system-clock.ts';
import type { FreeBusyAnswer } from '../../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { addresses, answersWindow, exchangeAnswer } from '../../support/availability-answers.ts';
import { collectGarbage, memoryInUse } from '../../support/memory.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { openTransport, serve } from './http/local-server.ts';

type Transport = Parameters<typeof askFreeBusy>[0]['transport'];

/** Gives these pieces for an answer, whatever is asked. */
function replay(...pieces: string[]): Transport {
  return {
    url: 'https://mail.example.com/EWS/Exchange.asmx',
    post(_request, sink) {
      for (const piece of pieces) sink(piece);
      return Promise.resolve({ status: 200, headers: new Map(), cookies: [], scheme: 'basic' });
    },
    close: () => Promise.resolve(),
  };
}

function ask(transport: Transport, mailboxes = addresses(2)): Promise<readonly FreeBusyAnswer[]> {
  const context = { transport, clock: systemClock, logger: new RecordingLogger(), knownOddities: new Set<string>() };
  return askFreeBusy(context, mailboxes, answersWindow, new AbortController().signal);
}

async function failureOf(pieces: readonly string[]): Promise<CalendarSourceError> {
  const outcome = await ask(replay(...pieces)).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(CalendarSourceError);
  return outcome as CalendarSourceError;
}

const good = exchangeAnswer(2, 3);
const [head = '', ...responses] = good.split(/(?=<FreeBusyResponse>)/);
const [first = '', last = ''] = responses;
const tail = last.slice(last.indexOf('</FreeBusyResponse>') + '</FreeBusyResponse>'.length);

describe('an answer', () => {
  test('is read when it is whole', async () => {
    expect(head + first + last).toBe(good);
    const answers = await ask(replay(good));
    expect(answers.map((answer) => 'periods' in answer && answer.periods.length)).toEqual([3, 3]);
  });

  test('is malformed when it is cut after any of its bytes', async () => {
    for (let length = 0; length < good.length; length++) {
      expect((await failureOf([good.slice(0, length)])).kind).toBe('malformed');
    }
  });

  test.each([
    ['two answers one after the other', good + good],
    ['a second body', good.replace('</s:Envelope>', '<s:Body/></s:Envelope>')],
    ['two answers shuffled', head + head + first + last],
    [
      'an answer in an answer',
      good.replace('<FreeBusyResponse>', `${good.replace(/<\?.*?\?>/, '')}<FreeBusyResponse>`),
    ],
    ['a piece of another answer', good.slice(0, 900) + good.slice(700)],
    ['a response too few', head + first + tail],
    ['a response too many', head + first + first + last],
    ['no response', head + tail],
    ['a thousand responses', head + first.repeat(1_000) + last],
    ['the responses of another namespace', good.replaceAll('services/2006/messages', 'services/2019/messages')],
    ['the answer to another question', good.replaceAll('GetUserAvailabilityResponse', 'GetFolderResponse')],
    ['no envelope', '<GetUserAvailabilityResponse/>'],
    ['a page', '<!DOCTYPE html><html><body>It works!</body></html>'],
    ['JSON', '{"error":"busy"}'],
    ['nothing', ''],
    ['a bomb of entities', `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>${good.replace('Busy<', '&b;<')}`],
    ['an entity of HTML', good.replace('NoError', 'No&nbsp;Error')],
    ['elements nested for ever', head + '<t:a>'.repeat(1_000_000)],
    ['control characters', good.replace('NoError', 'No\u0000Error')],
  ])('is malformed when it is %s', async (_name, text) => {
    expect((await failureOf([text])).kind).toBe('malformed');
  });

  test('with an unknown code is an error for its mailbox alone', async () => {
    const failed = first.replace('"Success"', '"Error"').replace('NoError', 'ErrorOfTomorrow');
    const [one, two] = await ask(replay(head + failed + last));
    expect(one).toMatchObject({ error: { kind: 'malformed', code: 'ErrorOfTomorrow' } });
    expect(two).toHaveProperty('periods');
  });

  test('of any bytes whatever is read or refused, and nothing is thrown through', async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        head,
        first,
        last,
        tail,
        '<FreeBusyResponse>',
        '</FreeBusyResponse>',
        '<CalendarEvent>',
        '<',
        '&',
      ),
      fc.string({ unit: 'binary' }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
        const outcome = await ask(replay(...pieces)).catch((error: unknown) => error);
        if (!Array.isArray(outcome)) expect(outcome).toBeInstanceOf(CalendarSourceError);
      }),
      { numRuns: 300 },
    );
  });
});

describe('an answer of 100 MB', () => {
  const MEGABYTE = 1024 * 1024;

  test.each([
    [
      'good entries',
      head + first.slice(0, first.indexOf('<CalendarEvent>')),
      first.match(/<CalendarEvent>.*?<\/CalendarEvent>/)?.[0],
    ],
    ['one word', `${head}<FreeBusyResponse><`, 'x'],
    ['one text', `${head}<FreeBusyResponse>`, 'x'],
    ['space', head, '\n'],
  ])(
    'of %s is malformed, is not read to its end and takes little memory',
    async (_name, begin, more = '') => {
      const megabyte = more.repeat(Math.ceil(MEGABYTE / more.length));
      let sent = 0;
      const { url } = await serve((_request, response) => {
        response.on('error', () => {});
        response.write(begin);
        const send = () => {
          while (sent < 100 && !response.destroyed) {
            sent++;
            if (!response.write(megabyte)) return response.once('drain', send);
          }
          return response.end();
        };
        send();
      });
      collectGarbage();
      const before = memoryInUse();
      const outcome = await ask(openTransport(url)).catch((error: unknown) => error);
      collectGarbage();
      const growth = memoryInUse() - before;
      expect(outcome).toMatchObject({ name: 'CalendarSourceError', kind: 'malformed' });
      expect(sent).toBeLessThan(50);
      expect(growth / MEGABYTE).toBeLessThan(32);
    },
    30_000,
  );
});
