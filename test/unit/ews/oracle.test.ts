// Our codec and ews-javascript-api read the same answers of the simulator, and must find the same in them.
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { callEwsLibrary, loadEwsLibrary } from '../../../adapters/ews/ews-library.ts';
import { GetUserAvailabilityReader, writeGetUserAvailability } from '../../../adapters/ews/get-user-availability.ts';
import { basicCredentials } from '../../../adapters/ews/http/authentication.ts';
import { createEwsTransport, type EwsTransport } from '../../../adapters/ews/http/ews-transport.ts';
import { SoapReader } from '../../../adapters/ews/xml/soap.ts';
import { systemClock } from '../../../adapters/runtime/system-clock.ts';
import type { FreeBusyAnswer } from '../../../component/calendar/calendar-source.ts';
import { entryStatuses } from '../../support/exchange-simulator/calendar-entry.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';

const DAY = 86_400_000;
const window = { start: Date.UTC(2026, 2, 2), end: Date.UTC(2026, 2, 4) };

/** What both say of a mailbox: the code of its error, or its periods. */
type Reading = string | readonly { start: number; end: number; status: string }[];

let simulator: ExchangeSimulator;
let transport: EwsTransport;

beforeAll(async () => {
  simulator = await startExchangeSimulator();
  const credentials = basicCredentials('gateway', 'secret');
  transport = createEwsTransport({ url: simulator.url, credentials, connections: 1, clock: systemClock });
  await loadEwsLibrary();
}, 60_000);
afterAll(async () => {
  await transport.close();
  await simulator.stop();
});
beforeEach(() => {
  simulator.calendars.clear();
  simulator.faults.clear();
  simulator.faults.clear('response-style');
});

/** The text of the simulator's answer. */
async function fetchAnswer(mailboxes: readonly string[]): Promise<string> {
  let text = '';
  const body = writeGetUserAvailability(mailboxes, window);
  const { status } = await transport.post({ body, signal: new AbortController().signal }, (chunk) => {
    text += chunk;
  });
  expect(status).toBe(200);
  return text;
}

function readWithCodec(text: string, mailboxes: readonly string[]): Reading[] {
  const reader = new GetUserAvailabilityReader(window);
  const soap = new SoapReader(reader);
  soap.write(text);
  expect(soap.end().problem).toBeUndefined();
  return reader
    .answers(mailboxes, undefined)
    .map((answer: FreeBusyAnswer) => ('error' in answer ? (answer.error.code ?? '') : answer.periods));
}

async function readWithLibrary(text: string, mailboxes: readonly string[]): Promise<Reading[]> {
  // The same bytes again, whatever the library asks.
  const replay: EwsTransport = {
    url: transport.url,
    close: async () => {},
    post: async (_request, sink) => {
      sink(text);
      return { status: 200, headers: new Map(), cookies: [], scheme: 'basic' };
    },
  };
  const call = { transport: replay, clock: systemClock, limit: 30_000, signal: new AbortController().signal };
  return callEwsLibrary(call, async (service, ews) => {
    const attendees = mailboxes.map((mailbox) => new ews.AttendeeInfo(mailbox));
    const at = (instant: number) => new ews.DateTime(instant, ews.DateTimeKind.Utc);
    const span = new ews.TimeWindow(at(window.start), at(window.end));
    const results = await service.GetUserAvailability(attendees, span, ews.AvailabilityData.FreeBusy);
    return results.AttendeesAvailability.Responses.map((response) =>
      response.ErrorCode === ews.ServiceError.NoError
        ? response.CalendarEvents.map((event) => ({
            start: event.StartTime.TotalMilliSeconds,
            end: event.EndTime.TotalMilliSeconds,
            status: ews.LegacyFreeBusyStatus[event.FreeBusyStatus] as string,
          }))
        : (ews.ServiceError[response.ErrorCode] as string),
    );
  });
}

async function readBoth(mailboxes: readonly string[]): Promise<{ codec: Reading[]; library: Reading[] }> {
  const text = await fetchAnswer(mailboxes);
  return { codec: readWithCodec(text, mailboxes), library: await readWithLibrary(text, mailboxes) };
}

const entry = fc
  .record({
    start: fc.integer({ min: window.start - 7 * DAY, max: window.end - 1 }),
    length: fc.integer({ min: 0, max: 14 * DAY }),
    status: fc.constantFrom(...entryStatuses),
  })
  .map(({ start, length, status }) => {
    // Exchange's times are in whole seconds.
    const from = Math.floor(start / 1000) * 1000;
    return { start: from, end: from + Math.floor(length / 1000) * 1000, status };
  });

const mailbox = fc.oneof(
  { weight: 6, arbitrary: fc.array(entry, { maxLength: 8 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('ErrorMailRecipientNotFound', 'ErrorNoFreeBusyAccess', 'ErrorMailboxLogonFailed'),
  },
);

const style = fc.record({
  prefix: fc.constantFrom('s', 'soap', 'soap11', 'SOAP', 'none'),
  messages: fc.constantFrom('', 'm', 'msg'),
  types: fc.constantFrom('', 't', 'typ'),
  offsets: fc.constantFrom('none', 'Z', '+02:00', '-09:30'),
  pretty: fc.boolean(),
});

describe('our codec and ews-javascript-api', () => {
  test('read the same of generated calendars, in every style', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(mailbox, { minLength: 1, maxLength: 5 }), style, async (mailboxes, chosen) => {
        simulator.calendars.clear();
        simulator.faults.clear();
        simulator.faults.set({ kind: 'response-style', ...chosen } as Parameters<typeof simulator.faults.set>[0]);
        const addresses = mailboxes.map((content, index) => {
          const address = `user${index}@example.com`;
          simulator.calendars.addMailbox(address);
          if (typeof content === 'string') {
            simulator.faults.set({ kind: 'mailbox-error', mailbox: address, code: content, message: 'No <&> "way"' });
          } else for (const booking of content) simulator.calendars.book(address, booking);
          return address;
        });
        const { codec, library } = await readBoth(addresses);
        expect(codec).toEqual(library);
        // And that is what the calendars say: two that read nothing would agree, too.
        const truth = mailboxes.map((content, index) =>
          typeof content === 'string'
            ? content
            : simulator.calendars
                .entriesBetween(`user${index}@example.com`, window.start, window.end)
                .map(({ start, end, status }) => ({ start, end, status })),
        );
        expect(codec).toEqual(truth);
      }),
      { numRuns: 100 },
    );
    expect(simulator.rejections).toEqual([]);
  }, 60_000);

  test('differ where texts stand in CDATA sections: ours reads them, the library does not', async () => {
    simulator.calendars.addMailbox('alice@example.com');
    simulator.calendars.book('alice@example.com', { start: window.start, end: window.end });
    const plain = await readBoth(['alice@example.com']);
    simulator.faults.set({ kind: 'response-style', cdata: true });
    const text = await fetchAnswer(['alice@example.com']);
    expect(readWithCodec(text, ['alice@example.com'])).toEqual(plain.library);
    const failure = await readWithLibrary(text, ['alice@example.com']).catch((error: unknown) => error);
    expect(failure).not.toEqual(plain.library);
  });
});
