// npm run bench -- ews-ingest [--json]
//
// How many mailboxes' free/busy can be read in a second of processor time? Answers for 100 mailboxes of 10 events each,
// written by the simulator as Exchange writes them, as Buffers of 64 KiB, as sockets give them.
//
// What is measured, by process.cpuUsage (collecting garbage and compiling included), in turn, in one process:
// - the gateway: bytes to text as the transport does it, SoapReader, GetUserAvailabilityReader, its answers, a timeline
//   for each mailbox. Not: the network, the request.
// - saxes: the same bytes to text in the same way, read by a SaxesParser for namespaces without positions and without
//   any handler. It keeps nothing, knows no time and builds no timeline.
// - ews-javascript-api: the same bytes to text, given to its own GetUserAvailability by its XHRApi as an answer from the
//   network, up to its events. It writes its request, too, as it always does; no timelines are built.
//
// Bytes for each mailbox and hour are counted at a socket: requests and answers with their HTTP headers, uncompressed,
// without TLS, over a connection that is kept open; and with the default paces.

import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { gzipSync } from 'node:zlib';
import { SaxesParser } from 'saxes';
import { loadEwsLibrary } from '../../adapters/ews/ews-library.ts';
import { askFreeBusy } from '../../adapters/ews/free-busy-request.ts';
import { GetUserAvailabilityReader } from '../../adapters/ews/get-user-availability.ts';
import { basicCredentials } from '../../adapters/ews/http/authentication.ts';
import { createEwsTransport } from '../../adapters/ews/http/ews-transport.ts';
import { SoapReader } from '../../adapters/ews/xml/soap.ts';
import { systemClock } from '../../adapters/runtime/system-clock.ts';
import { buildTimeline } from '../../component/calendar/timeline.ts';
import { HOUR } from '../../component/runtime/clock.ts';
import { calendarSchema } from '../../config/schema/calendar.ts';
import { addresses, answersNow, answersWindow, exchangeAnswer, inChunks } from '../support/availability-answers.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import { type Benchmark, formatSummary, readable, rounded, runRounds, summarizeRounds } from './harness.ts';

const MAILBOXES = addresses(100);
const EVENTS = 10;
const CHUNK = 64 * 1024;
/** How long each of them reads in each round, in milliseconds. */
const TURN = 800;

export const benchmark: Benchmark = {
  summary: `free/busy of ${MAILBOXES.length} mailboxes × ${EVENTS} events read: mailboxes per processor second (at least 20 × the library, 0.9 × bare saxes)`,
  floor:
    'the same bytes read by bare saxes (namespaces, no positions, no handlers), and by ews-javascript-api as it does in real use',

  async run({ rounds, progress }) {
    const text = exchangeAnswer(MAILBOXES.length, EVENTS);
    const chunks = inChunks(text, CHUNK);
    progress('loading and warming up');
    const library = await libraryReader(chunks);
    const gateway = () => readAsGateway(chunks);
    const saxes = () => readWithSaxes(chunks);
    const expected = MAILBOXES.length * EVENTS;
    if (gateway().events !== expected || (await library()) !== expected) throw new Error('not every event was read');
    for (const read of [gateway, saxes, library]) await perSecond(read);

    const measured = await runRounds({
      ...{ rounds, progress },
      subject: async () => ({ gateway: await perSecond(gateway) }),
      floor: async () => ({ saxes: await perSecond(saxes), library: await perSecond(library) }),
    });
    const subject = summarizeRounds(measured.subject);
    const floor = summarizeRounds(measured.floor);
    const ratioToLibrary = subject.gateway.median / floor.library.median;
    const ratioToSaxes = subject.gateway.median / floor.saxes.median;
    const traffic = await measureTraffic(text);
    const paces = calendarSchema.parse({});
    const hourly = (pace: number) => [
      readable((HOUR / pace) * traffic.perMailbox),
      readable(HOUR / pace / MAILBOXES.length),
    ];
    return {
      table: [
        ['', 'mailboxes per CPU second', 'gateway is'],
        ['gateway', formatSummary(subject.gateway), ''],
        ['bare saxes', formatSummary(floor.saxes), `${readable(ratioToSaxes)} ×`],
        ['ews-javascript-api', formatSummary(floor.library), `${readable(ratioToLibrary)} ×`],
        [],
        ['for each mailbox and hour', 'bytes', 'requests'],
        ['asked every 5 min (lively)', ...hourly(paces.refresh)],
        ['asked every 30 min (others)', ...hourly(paces.refreshIdle)],
        [],
        ['bytes of a request', readable(traffic.request), ''],
        ['bytes of its answer', readable(traffic.answer), `${readable(gzipSync(text).length)} as gzip`],
      ],
      json: {
        ratio_vs_library: rounded(ratioToLibrary),
        ratio_vs_saxes: rounded(ratioToSaxes),
        mailboxes_per_cpu_second: Math.round(subject.gateway.median),
        lively_bytes_per_mailbox_hour: Math.round((HOUR / paces.refresh) * traffic.perMailbox),
        lively_requests_per_mailbox_hour: rounded(HOUR / paces.refresh / MAILBOXES.length),
        idle_bytes_per_mailbox_hour: Math.round((HOUR / paces.refreshIdle) * traffic.perMailbox),
        idle_requests_per_mailbox_hour: rounded(HOUR / paces.refreshIdle / MAILBOXES.length),
      },
    };
  },
};

/** How many mailboxes are read in a second of processor time. */
async function perSecond(read: () => unknown): Promise<number> {
  const until = performance.now() + TURN;
  const before = process.cpuUsage();
  let answers = 0;
  for (; performance.now() < until; answers++) await read();
  const { user, system } = process.cpuUsage(before);
  return (answers * MAILBOXES.length) / ((user + system) / 1e6);
}

/** Hands over the bytes as the transport's text. */
function decode(chunks: readonly Buffer[], sink: (text: string) => void): void {
  const decoder = new StringDecoder('utf8');
  for (const chunk of chunks) sink(decoder.write(chunk));
  sink(decoder.end());
}

function readAsGateway(chunks: readonly Buffer[]): { events: number } {
  const reader = new GetUserAvailabilityReader(answersWindow);
  const soap = new SoapReader(reader);
  decode(chunks, (text) => soap.write(text));
  const { problem, backOff } = soap.end();
  if (problem !== undefined) throw new Error(problem);
  let events = 0;
  for (const answer of reader.answers(MAILBOXES, backOff)) {
    if ('error' in answer) throw answer.error;
    const timeline = buildTimeline(answer.periods, answersWindow, answersNow);
    if (timeline.changes.length < EVENTS) throw new Error('a timeline without its meetings');
    events += answer.periods.length;
  }
  return { events };
}

function readWithSaxes(chunks: readonly Buffer[]): void {
  const parser = new SaxesParser({ xmlns: true, position: false });
  decode(chunks, (text) => parser.write(text));
  parser.close();
}

async function libraryReader(chunks: readonly Buffer[]): Promise<() => Promise<number>> {
  const ews = await loadEwsLibrary();
  const service = new ews.ExchangeService(ews.ExchangeVersion.Exchange2013, ews.TimeZoneInfo.Utc);
  service.Url = new ews.Uri('https://127.0.0.1/EWS/Exchange.asmx');
  service.Credentials = new ews.WebCredentials('not', 'used');
  service.XHRApi = {
    apiName: 'replay',
    xhr: () => {
      let responseText = '';
      decode(chunks, (text) => {
        responseText += text;
      });
      const response = { status: 200, responseText, headers: {}, getAllResponseHeaders: () => '' };
      // The declared type is a browser's XMLHttpRequest; the library reads only these of a good answer.
      return Promise.resolve({ ...response, getResponseHeader: () => null }) as never;
    },
    xhrStream: () => Promise.reject(new Error('not used')),
    disconnect: () => {},
  };
  const attendees = MAILBOXES.map((mailbox) => new ews.AttendeeInfo(mailbox));
  const at = (instant: number) => new ews.DateTime(instant, ews.DateTimeKind.Utc);
  const window = new ews.TimeWindow(at(answersWindow.start), at(answersWindow.end));
  return async () => {
    const results = await service.GetUserAvailability(attendees, window, ews.AvailabilityData.FreeBusy);
    return results.AttendeesAvailability.Responses.reduce((sum, response) => sum + response.CalendarEvents.length, 0);
  };
}

/** The bytes of a request and its answer on a connection that is there already. */
async function measureTraffic(text: string) {
  let socket: Socket | undefined;
  const server = createServer((request, response) => {
    socket = request.socket;
    request.resume().on('end', () => {
      response.writeHead(200, IIS_HEADERS).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const transport = createEwsTransport({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/EWS/Exchange.asmx`,
    credentials: basicCredentials('svc-presence@example.com', 'a long password'),
    connections: 1,
    clock: systemClock,
  });
  try {
    const context = { transport, clock: systemClock, logger: new RecordingLogger(), knownOddities: new Set<string>() };
    const ask = () => askFreeBusy(context, MAILBOXES, answersWindow, new AbortController().signal);
    await ask();
    const before = { read: socket?.bytesRead ?? 0, written: socket?.bytesWritten ?? 0 };
    await ask();
    const request = (socket?.bytesRead ?? 0) - before.read;
    const answer = (socket?.bytesWritten ?? 0) - before.written;
    return { request, answer, perMailbox: (request + answer) / MAILBOXES.length };
  } finally {
    await transport.close();
    server.close();
  }
}

/** What Exchange 2019 puts before its answers, about. */
const IIS_HEADERS = {
  'Cache-Control': 'private',
  'Content-Type': 'text/xml; charset=utf-8',
  Server: 'Microsoft-IIS/10.0',
  'request-id': '5f0b2c3d-8f6c-4a6f-9d53-2a1b7c9e0d11',
  'X-CalculatedBETarget': 'ex01.example.com',
  'X-FEServer': 'EX01',
  'X-BEServer': 'EX01',
  'X-DiagInfo': 'EX01',
  'X-AspNet-Version': '4.0.30319',
  'X-Powered-By': 'ASP.NET',
  'Set-Cookie': `X-BackEndCookie=S-1-5-21-1111111111-2222222222-3333333333-1104=${'u56Lnp2ejJqB'.repeat(12)}; path=/EWS; secure; HttpOnly`,
};
