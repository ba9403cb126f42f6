// Mutated answers to GetUserAvailability through our reader, and through libxml2 and a plain walk over its tree.
//
// The oracle is libxml2: ews-javascript-api reads a thousand mailboxes a second, takes answers that are not well-formed
// and knows no CDATA (oracle.test.ts compares it with ours on whole answers in every style).

import { StringDecoder } from 'node:string_decoder';
import { XmlDocument, type XmlElement } from 'libxml2-wasm';
import { GetUserAvailabilityReader } from '../../adapters/ews/get-user-availability.ts';
import { SoapReader } from '../../adapters/ews/xml/soap.ts';
import { busyStatuses } from '../../component/calendar/busy-status.ts';
import type { FreeBusyAnswer } from '../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../component/calendar/calendar-source-error.ts';
import { type BusyPeriod, buildTimeline } from '../../component/calendar/timeline.ts';
import { addresses, answersNow, answersWindow } from './availability-answers.ts';
import { writeAvailability } from './exchange-simulator/availability-answer.ts';
import { entryStatuses } from './exchange-simulator/calendar-entry.ts';
import { MESSAGES, SOAP, TYPES } from './exchange-simulator/namespaces.ts';
import type { ResponseStyle } from './exchange-simulator/soap.ts';
import { utc } from './exchange-simulator/time-zone.ts';
import { Random } from './random.ts';

export type FuzzReport = {
  seed: number;
  cases: number;
  /** Answers that both took for answers, and mailboxes of them whose timelines were compared. */
  bothAccepted: number;
  timelinesCompared: number;
  onlyOurs: number;
  onlyTheirs: number;
  refused: number;
  slowestMs: number;
};

/** A case that shows a fault: everything that is needed to see it again. */
class FuzzFailure extends Error {
  constructor(what: string, seed: number, index: number, bytes: Buffer, cause?: unknown) {
    super(`${what} (seed ${seed}, case ${index}): ${JSON.stringify(bytes.toString('latin1'))}`, { cause });
  }
}

/** What an answer says of each mailbox: its periods, or that it is an error; undefined: it is no answer. */
type Reading = readonly (readonly BusyPeriod[] | 'error')[] | undefined;

/** Reads so many mutated answers. Throws on a crash, and on a timeline that is not the oracle's. */
export function fuzzReader(cases: number, seed: number): FuzzReport {
  const random = new Random(seed);
  const report: FuzzReport = {
    ...{ seed, cases, bothAccepted: 0, timelinesCompared: 0, onlyOurs: 0, onlyTheirs: 0, refused: 0, slowestMs: 0 },
  };
  for (let index = 0; index < cases; index++) {
    const mailboxes = 1 + random.below(5);
    const text = mutateTokens(random, writeAnswer(random, mailboxes));
    const bytes = random.chance(0.5) ? mutateBytes(random, Buffer.from(text)) : Buffer.from(text);
    const began = performance.now();
    let ours: Reading;
    try {
      ours = readOurselves(random, bytes, mailboxes);
    } catch (error) {
      throw new FuzzFailure('the reader threw', seed, index, bytes, error);
    }
    report.slowestMs = Math.max(report.slowestMs, performance.now() - began);
    const theirs = readWithLibxml(bytes, mailboxes);
    if (ours === undefined && theirs === undefined) report.refused++;
    else if (ours === undefined) report.onlyTheirs++;
    else if (theirs === undefined) report.onlyOurs++;
    else {
      report.bothAccepted++;
      ours.forEach((mine, mailbox) => {
        const other = theirs[mailbox];
        if (mine === 'error' || other === 'error' || other === undefined) return;
        report.timelinesCompared++;
        const [a, b] = [mine, other].map((periods) => JSON.stringify(buildTimeline(periods, answersWindow, 0)));
        if (a !== b) throw new FuzzFailure(`another timeline: ${a} instead of ${b}`, seed, index, bytes);
      });
    }
  }
  return report;
}

function readOurselves(random: Random, bytes: Buffer, mailboxes: number): Reading {
  const reader = new GetUserAvailabilityReader(answersWindow);
  const soap = new SoapReader(reader);
  const decoder = new StringDecoder('utf8');
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random.below(random.chance(0.2) ? 3 : 2_000);
    soap.write(decoder.write(bytes.subarray(at, end)));
    at = end;
  }
  soap.write(decoder.end());
  const { problem, fault, backOff } = soap.end();
  if (problem !== undefined || fault !== undefined) return undefined;
  let answers: readonly FreeBusyAnswer[];
  try {
    answers = reader.answers(addresses(mailboxes), backOff);
  } catch (error) {
    if (error instanceof CalendarSourceError) return undefined;
    throw error;
  }
  return answers.map((answer) => ('error' in answer ? 'error' : answer.periods));
}

function readWithLibxml(bytes: Buffer, mailboxes: number): Reading {
  let document: XmlDocument;
  try {
    document = XmlDocument.fromBuffer(bytes);
  } catch {
    return undefined;
  }
  try {
    const namespaces = { s: SOAP, m: MESSAGES, t: TYPES };
    const find = (element: XmlElement, path: string) => element.find(path, namespaces) as XmlElement[];
    const responses = find(
      document.root,
      '/s:Envelope/s:Body/m:GetUserAvailabilityResponse/m:FreeBusyResponseArray/m:FreeBusyResponse',
    );
    if (responses.length !== mailboxes) return undefined;
    return responses.map((response) => readResponse(response, find));
  } finally {
    document.dispose();
  }
}

function readResponse(
  response: XmlElement,
  find: (element: XmlElement, path: string) => XmlElement[],
): readonly BusyPeriod[] | 'error' {
  const text = (element: XmlElement, path: string) => find(element, path).map(({ content }) => content.trim());
  const classes = find(response, 'm:ResponseMessage').map((message) => message.attr('ResponseClass')?.value);
  const codes = text(response, 'm:ResponseMessage/m:ResponseCode').filter((code) => code !== '');
  if (classes.includes('Error') || codes.some((code) => code !== 'NoError')) return 'error';
  const [view] = text(response, 'm:FreeBusyView/t:FreeBusyViewType');
  const shows = view
    ? /\b(FreeBusy|Detailed)/.test(view)
    : find(response, 'm:FreeBusyView/t:CalendarEventArray').length > 0;
  const periods = find(response, 'm:FreeBusyView/t:CalendarEventArray/t:CalendarEvent').map((event): BusyPeriod => {
    const [start = Number.NaN] = text(event, 't:StartTime').map(readTime);
    const [end = Number.NaN] = text(event, 't:EndTime').map(readTime);
    const [type = ''] = text(event, 't:BusyType');
    return { start, end, status: busyStatuses.find((status) => status === type) ?? 'NoData' };
  });
  if (!periods.every(({ start, end }) => start <= end)) return 'error';
  return shows ? periods : [...periods, { ...answersWindow, status: 'NoData' }];
}

function readTime(text: string): number {
  const [all, offset] = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
  return all === undefined ? Number.NaN : Date.parse(offset === undefined ? `${all}Z` : all);
}

function writeAnswer(random: Random, mailboxes: number): string {
  const style: ResponseStyle = {
    prefix: random.pick(['s', 'soap', 'soap11', 'SOAP', 'none']),
    messages: random.pick(['', 'm', 'msg']),
    types: random.pick(['', 't', 'typ']),
    offsets: random.pick(['none', 'Z', '+02:00', '-09:30'] as const),
    pretty: random.chance(0.2),
    cdata: random.chance(0.2),
    faultDetail: true,
  };
  const results = Array.from({ length: mailboxes }, () => {
    if (random.chance(0.1)) return { error: { code: 'ErrorNoFreeBusyAccess', message: 'No <&> "way".' } };
    return {
      entries: Array.from({ length: random.below(5) }, () => {
        const start = answersNow + (random.below(3_000) - 200) * 60_000;
        const end = start + random.below(300) * 60_000;
        return { id: '', subject: '', start, end, status: random.pick(entryStatuses) };
      }),
    };
  });
  return writeAvailability(style, utc, results);
}

const TEXTS = [
  ...[
    'Free',
    'Busy',
    'OOF',
    'NoData',
    'Focusing',
    ' Busy ',
    'busy',
    '',
    'NoError',
    'ErrorServerBusy',
    'ErrorOfTomorrow',
  ],
  ...['2026-03-02T10:00:00', '2026-03-02T10:00:00Z', '2026-03-02T10:00:00+14:00', '2026-03-02T24:00:00', 'tomorrow'],
  ...['2026-03-02T10:00:60', '0001-01-01T00:00:00', '9999-12-31T23:59:59.9999999', '2026-02-30T00:00:00', '\n'],
  ...['None', 'MergedOnly', 'FreeBusy', 'Detailed', '&amp;', '&#66;usy', '&nbsp;', ']]>', '\u0001', '\u{1F4C5}'],
];
const SNIPPETS = [
  ...['<!-- - -->', '<!---->', '<?a b?>', '<![CDATA[Busy]]>', '<![CDATA[]]>', '<x/>', '<x>', '</x>', '<t:BusyType>'],
  ...['<BusyType>Free</BusyType>', '<FreeBusyResponse/>', '<CalendarEvent></CalendarEvent>', '<s:Fault/>', '\ufeff'],
  ...['<!DOCTYPE x>', '<?xml version="1.0"?>', ' xmlns=""', '&lt;', '&', '<', '>', '"'],
];

/** Up to three changes to the markup and the texts of an answer. */
function mutateTokens(random: Random, text: string): string {
  const tokens = text.match(/<[^>]*>|[^<]+/g) ?? [];
  for (let change = random.below(4); change > 0; change--) {
    const at = random.below(tokens.length);
    const other = random.below(tokens.length);
    const token = tokens[at] ?? '';
    switch (random.below(9)) {
      case 0:
        tokens.splice(at, 1 + random.below(random.chance(0.5) ? 1 : 12));
        break;
      case 1:
        tokens.splice(at, 0, ...tokens.slice(at, at + 1 + random.below(12)));
        break;
      case 2:
        [tokens[at], tokens[other]] = [tokens[other] ?? '', token];
        break;
      case 3:
        tokens.splice(at, 0, random.pick(SNIPPETS));
        break;
      case 4: {
        const texts = [...tokens.keys()].filter((index) => !tokens[index]?.startsWith('<'));
        if (texts.length > 0) tokens[random.pick(texts)] = random.pick(TEXTS);
        break;
      }
      case 5:
        tokens[at] = token.replace(/(<\/?)(\w+:)?/, `$1${random.pick(['', 't:', 'm:', 's:', 'x:', 'xml:', 'xmlns:'])}`);
        break;
      case 6:
        tokens[at] = token.replace(
          /\s*\/?>$/,
          ` ${random.pick(['a="1"', "b='>'", 'xmlns="urn:x"', 'xmlns:t="urn:x"', 'a'])}$&`,
        );
        break;
      case 7:
        tokens.splice(at, 0, ...tokens.slice(other, other + 1 + random.below(20)));
        break;
      case 8:
        tokens[at] = token.replace(/\d/g, (digit) => (random.chance(0.2) ? String(random.below(10)) : digit));
        break;
    }
  }
  return tokens.join('');
}

/** Up to four changed, missing or additional bytes; sometimes the end is missing. */
function mutateBytes(random: Random, bytes: Buffer): Buffer {
  let mutated = bytes;
  for (let change = 1 + random.below(4); change > 0; change--) {
    const at = random.below(mutated.length);
    const before = mutated.subarray(0, at);
    const byte = Buffer.of(
      random.chance(0.5) ? random.below(256) : random.pick([...Buffer.from('<>&;"\'/=!?-[]: \r\n0')]),
    );
    switch (random.below(4)) {
      case 0:
        mutated = Buffer.concat([before, byte, mutated.subarray(at + 1)]);
        break;
      case 1:
        mutated = Buffer.concat([before, byte, mutated.subarray(at)]);
        break;
      case 2:
        mutated = Buffer.concat([before, mutated.subarray(at + 1 + random.below(4))]);
        break;
      case 3:
        if (random.chance(0.1)) mutated = before;
        break;
    }
  }
  return mutated;
}
