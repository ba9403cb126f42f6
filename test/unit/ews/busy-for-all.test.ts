import { expect, test } from 'vitest';
import { GetUserAvailabilityReader } from '../../../adapters/ews/get-user-availability.ts';
import { SoapReader } from '../../../adapters/ews/xml/soap.ts';

test('one "busy" for a whole batch is a throttled server and its back-off, not a message that makes no sense', () => {
  const reader = new GetUserAvailabilityReader({ start: 0, end: 3_600_000 });
  const soap = new SoapReader(reader);
  soap.write(
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>' +
      '<GetUserAvailabilityResponse xmlns="http://schemas.microsoft.com/exchange/services/2006/messages">' +
      '<FreeBusyResponseArray><FreeBusyResponse><ResponseMessage ResponseClass="Error">' +
      '<ResponseCode>ErrorServerBusy</ResponseCode><MessageXml>' +
      '<t:Value xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" Name="BackOffMilliseconds">297749</t:Value>' +
      '</MessageXml></ResponseMessage></FreeBusyResponse></FreeBusyResponseArray>' +
      '</GetUserAvailabilityResponse></s:Body></s:Envelope>',
  );
  const { backOff, problem } = soap.end();
  expect(problem).toBeUndefined();
  expect(() => reader.answers(['alice@example.com', 'bob@example.com'], backOff)).toThrow(
    expect.objectContaining({ kind: 'throttled', retryAfter: 297_749 }),
  );
});
