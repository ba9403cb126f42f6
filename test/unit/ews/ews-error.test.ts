import { describe, expect, test } from 'vitest';
import { errorOfAnswer } from '../../../adapters/ews/ews-error.ts';
import type { EwsAnswer } from '../../../adapters/ews/http/ews-transport.ts';
import { SoapReader } from '../../../adapters/ews/xml/soap.ts';

const NOW = Date.UTC(2026, 2, 2, 9);
const HTML = '<!DOCTYPE html><html><head><title>Outlook</title></head><body>alice@example.com</body></html>';
const GOOD = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><a/></s:Body></s:Envelope>';

function fault(code: string, value?: string): string {
  const xml = value === undefined ? '' : `<MessageXml><Value Name="BackOffMilliseconds">${value}</Value></MessageXml>`;
  return GOOD.replace(
    '<a/>',
    `<s:Fault><faultcode>s:Server</faultcode><faultstring>No, alice@example.com</faultstring><detail><ResponseCode>${code}</ResponseCode>${xml}</detail></s:Fault>`,
  );
}

function errorOf(
  status: number,
  body = '',
  headers: Record<string, string> = {},
  scheme: EwsAnswer['scheme'] = 'basic',
) {
  const soap = new SoapReader({ open() {}, close() {} });
  soap.write(body);
  const answer = { status, headers: new Map(Object.entries(headers)), cookies: [], scheme };
  return errorOfAnswer(answer, soap.end(), NOW);
}

describe('what an answer of Exchange means', () => {
  test('a SOAP message with HTTP 200 is no error', () => {
    expect(errorOf(200, GOOD)).toBeUndefined();
  });

  test.each<[string, number, string, Record<string, string>, object, RegExp]>([
    [
      '401 that offers Basic',
      401,
      HTML,
      { 'www-authenticate': 'Negotiate, NTLM, Basic realm="x"' },
      { kind: 'unauthorized' },
      /password.*Basic\)/,
    ],
    [
      '401 that offers NTLM only',
      401,
      '',
      { 'www-authenticate': 'Negotiate, NTLM' },
      { kind: 'unauthorized' },
      /Basic authentication is not enabled.*NTLM/,
    ],
    ['401 with a Retry-After', 401, '', { 'retry-after': '5' }, { kind: 'unauthorized', retryAfter: 5000 }, /HTTP 401/],
    [
      '403 by the tenant policy',
      403,
      HTML,
      { 'x-ews-policy-reason': 'disabled' },
      { kind: 'blocked' },
      /EWSEnabled.*allow list.*2027-04-01.*Graph/,
    ],
    ['403 without a reason', 403, HTML, {}, { kind: 'access-denied' }, /403/],
    ['404', 404, HTML, {}, { kind: 'malformed' }, /Exchange\.asmx/],
    ['407', 407, HTML, {}, { kind: 'unreachable' }, /proxy/],
    ['429', 429, '', { 'retry-after': '120' }, { kind: 'throttled', retryAfter: 120_000 }, /429/],
    ['456', 456, '', {}, { kind: 'unauthorized' }, /locked/],
    ['503', 503, HTML, {}, { kind: 'throttled', retryAfter: undefined }, /503/],
    ['503 with seconds', 503, HTML, { 'retry-after': ' 30 ' }, { kind: 'throttled', retryAfter: 30_000 }, /503/],
    [
      '503 with a date',
      503,
      HTML,
      { 'retry-after': 'Mon, 02 Mar 2026 09:01:00 GMT' },
      { kind: 'throttled', retryAfter: 60_000 },
      /503/,
    ],
    [
      '503 with a date that is past',
      503,
      '',
      { 'retry-after': 'Mon, 02 Mar 2026 08:00:00 GMT' },
      { kind: 'throttled', retryAfter: undefined },
      /503/,
    ],
    ['503 with nonsense', 503, '', { 'retry-after': 'soon' }, { kind: 'throttled', retryAfter: undefined }, /503/],
    ['503 for a week', 503, '', { 'retry-after': '604800' }, { kind: 'throttled', retryAfter: 3_600_000 }, /503/],
    ['502', 502, HTML, {}, { kind: 'unreachable' }, /proxy/],
    ['504', 504, '', {}, { kind: 'unreachable' }, /proxy/],
    [
      '302 to a log-in page',
      302,
      HTML,
      { location: 'https://me:pw@x.test/owa/auth/logon.aspx?token=t' },
      { kind: 'malformed' },
      /302 to https:\/\/x\.test\/owa\/auth\/logon\.aspx: a log-in/,
    ],
    [
      "302 to another server's EWS",
      302,
      HTML,
      { location: 'https://me:pw@mail2.test/EWS/Exchange.asmx?token=t' },
      { kind: 'wrong-server' },
      /302 to https:\/\/mail2\.test\/EWS\/Exchange\.asmx: the mailbox is on that server/,
    ],
    ['302 to an EWS of its own', 302, HTML, { location: '/EWS/Exchange.asmx' }, { kind: 'malformed' }, /302/],
    [
      "451 with another server's EWS",
      451,
      '',
      { 'x-ms-location': 'https://mail2.test/ews/exchange.asmx' },
      { kind: 'wrong-server' },
      /451/,
    ],
    ['451 without a place', 451, '', {}, { kind: 'malformed' }, /451 to nowhere/],
    ['an empty 500', 500, '', {}, { kind: 'malformed' }, /500 with an empty body/],
    ['an HTML 500', 500, HTML, {}, { kind: 'malformed' }, /500 with an HTML page/],
    ['an HTML 200', 200, HTML, {}, { kind: 'malformed' }, /200 with an HTML page/],
    ['an empty 200', 200, ' \n', {}, { kind: 'malformed' }, /200 with an empty body/],
    ['a cut message', 200, GOOD.slice(0, -20), {}, { kind: 'malformed' }, /no SOAP message/],
    ['an error of the front end', 500, '', { 'x-caserrorcode': 'UserNotFound' }, { kind: 'malformed' }, /UserNotFound/],
    ['a SOAP message that is no fault with 500', 500, GOOD, {}, { kind: 'malformed' }, /no fault/],
    [
      'a busy fault',
      500,
      fault('ErrorServerBusy', '297749'),
      {},
      { kind: 'throttled', code: 'ErrorServerBusy', retryAfter: 297_749 },
      /ErrorServerBusy/,
    ],
    [
      'too many connections, back-off 0',
      500,
      fault('ErrorExceededConnectionCount', '0'),
      {},
      { kind: 'throttled', retryAfter: undefined },
      /ErrorExceeded/,
    ],
    [
      'too many connections, back-off 0, Retry-After',
      500,
      fault('ErrorExceededConnectionCount', '0'),
      { 'retry-after': '9' },
      { kind: 'throttled', retryAfter: 9000 },
      /ErrorExceeded/,
    ],
    [
      'a busy fault with HTTP 200',
      200,
      fault('ErrorServerBusy', '1000'),
      {},
      { kind: 'throttled', retryAfter: 1000 },
      /ErrorServerBusy/,
    ],
    [
      'a busy fault with HTTP 503',
      503,
      fault('ErrorServerBusy', '1000'),
      { 'retry-after': '9' },
      { kind: 'throttled', retryAfter: 1000 },
      /ErrorServerBusy/,
    ],
    [
      'a bad window',
      500,
      fault('ErrorInvalidTimeInterval'),
      {},
      { kind: 'malformed', code: 'ErrorInvalidTimeInterval' },
      /ErrorInvalid/,
    ],
    ['no right to impersonate', 500, fault('ErrorImpersonateUserDenied'), {}, { kind: 'access-denied' }, /Denied/],
    ['an expired password', 500, fault('ErrorPasswordExpired'), {}, { kind: 'unauthorized' }, /Expired/],
    [
      'a fault of an unknown code',
      500,
      fault('ErrorOfTheFuture'),
      {},
      { kind: 'malformed', code: 'ErrorOfTheFuture' },
      /Future/,
    ],
    ['a fault without a code', 500, fault(''), {}, { kind: 'malformed', code: undefined }, /without a code/],
    ['a fault without a code with 503', 503, fault(''), {}, { kind: 'throttled' }, /without a code/],
  ])('%s', (_name, status, body, headers, expected, message) => {
    const error = errorOf(status, body, headers);
    expect(error).toMatchObject(expected);
    expect(error?.message).toMatch(message);
    expect(error?.message).not.toMatch(/alice|token|pw/);
  });

  test('a fault for the whole request never says that a mailbox does not exist', () => {
    expect(errorOf(500, fault('ErrorNonExistentMailbox'))).toMatchObject({ kind: 'malformed' });
  });
});

describe('what is advised after a 401', () => {
  test.each<[EwsAnswer['scheme'], string, RegExp]>([
    ['basic', 'Negotiate, NTLM, Basic realm="x"', /password are wrong/],
    ['basic', 'Negotiate, NTLM', /Basic authentication is not enabled/],
    ['ntlm', 'Negotiate, NTLM', /DOMAIN\\user.*password.*Extended Protection.*channelBinding/],
    ['ntlm', 'Negotiate', /password.*channelBinding/],
    ['ntlm', 'Basic realm="x"', /NTLM\) is not enabled.*offers Basic/],
    ['oauth', 'Bearer error="invalid_token"', /token was refused/],
    ['oauth', 'Negotiate, NTLM', /OAuth is not enabled/],
  ])('%s, where the server offers %s', (scheme, offered, advice) => {
    const error = errorOf(401, '', { 'www-authenticate': offered }, scheme);
    expect(error).toMatchObject({ kind: 'unauthorized', message: expect.stringMatching(advice) });
  });
});
