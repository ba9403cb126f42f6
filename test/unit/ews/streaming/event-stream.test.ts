import { expect, test } from 'vitest';
import type { EwsTransport } from '../../../../adapters/ews/http/ews-transport.ts';
import { SpareSlots } from '../../../../adapters/ews/spare-slots.ts';
import { listen } from '../../../../adapters/ews/streaming/event-stream.ts';
import { RequestBudget } from '../../../../component/calendar/request-budget.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const MESSAGES = 'http://schemas.microsoft.com/exchange/services/2006/messages';
const TYPES = 'http://schemas.microsoft.com/exchange/services/2006/types';

/** A stream whose only word is an error with a back-off. */
function ending(code: string): EwsTransport {
  const text =
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>' +
    `<m:GetStreamingEventsResponse xmlns:m="${MESSAGES}"><m:ResponseMessages>` +
    `<m:GetStreamingEventsResponseMessage ResponseClass="Error"><m:ResponseCode>${code}</m:ResponseCode><m:MessageXml>` +
    `<t:Value xmlns:t="${TYPES}" Name="Policy">x</t:Value>` +
    `<t:Value xmlns:t="${TYPES}" Name="BackOffMilliseconds">70000</t:Value></m:MessageXml>` +
    '</m:GetStreamingEventsResponseMessage></m:ResponseMessages></m:GetStreamingEventsResponse></s:Body></s:Envelope>';
  const answer = { status: 200, headers: new Map<string, string>(), cookies: [], scheme: 'basic' } as const;
  return {
    url: 'https://mail.example.com/EWS/Exchange.asmx',
    post(request, sink) {
      request.onAnswer?.(answer);
      sink(text);
      return Promise.resolve(answer);
    },
    close: () => Promise.resolve(),
  };
}

test.each([
  ['ErrorServerBusy', { kind: 'lost', error: { kind: 'throttled', retryAfter: 70_000 } }],
  ['ErrorExceededConnectionCount', { kind: 'too-many', error: { retryAfter: 70_000 } }],
])('a stream that ends with %s says how long the server wants to be left alone', async (code, expected) => {
  const clock = new FakeClock(0);
  const slots = new SpareSlots({ budget: new RequestBudget({ concurrency: 1, random: () => 0.5 }), clock, most: 1 });
  const end = await listen(
    { transport: ending(code), clock, slots },
    {
      ids: ['a'],
      affinity: { anchor: 'alice@example.com', cookie: undefined },
      minutes: 1,
      signal: new AbortController().signal,
      onHeard: () => {},
      onChanged: () => {},
    },
  );
  expect(end).toMatchObject(expected);
});
