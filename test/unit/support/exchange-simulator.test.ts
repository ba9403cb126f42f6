import { request } from 'node:https';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeAuthority } from '../../support/certificate.ts';
import {
  availabilityRequest,
  post,
  type RequestParts,
  texts,
  timeZone,
} from '../../support/exchange-simulator/availability-client.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';

const at = (time: string, day = '2026-01-09'): Date => new Date(`${day}T${time}:00Z`);

let exchange: ExchangeSimulator;

beforeEach(async () => {
  // Without the official schemas, so that the structural checks are on their own.
  exchange = await startExchangeSimulator({ schemas: '' });
  exchange.calendars.addMailbox('alice@example.test');
});

afterEach(async () => {
  await exchange.stop();
});

async function ask(parts: RequestParts = {}): Promise<string> {
  const response = await post(exchange, availabilityRequest(parts));
  expect(response.status).toBe(200);
  return await response.text();
}

describe('a request in order', () => {
  test('is answered with the entries of its window, whole, by their start', async () => {
    exchange.calendars.book('alice@example.test', { start: at('15:00'), end: at('16:00'), status: 'Tentative' });
    exchange.calendars.book('alice@example.test', { start: at('23:00', '2026-01-08'), end: at('01:00') });
    exchange.calendars.book('alice@example.test', { start: at('09:00', '2026-01-10'), end: at('10:00', '2026-01-10') });
    const answer = await ask();
    expect(texts(answer, 'ResponseCode')).toEqual(['NoError']);
    expect(texts(answer, 'FreeBusyViewType')).toEqual(['FreeBusy']);
    expect(texts(answer, 'StartTime')).toEqual(['2026-01-08T23:00:00', '2026-01-09T15:00:00']);
    expect(texts(answer, 'EndTime')).toEqual(['2026-01-09T01:00:00', '2026-01-09T16:00:00']);
    expect(texts(answer, 'BusyType')).toEqual(['Busy', 'Tentative']);
    expect(exchange.rejections).toEqual([]);
  });

  test('gets an empty CalendarEventArray for an empty calendar, with the working hours and the server version', async () => {
    const answer = await ask();
    expect(answer).toMatch(/<CalendarEventArray [^>]*\/>/);
    expect(answer).toMatch(/<WorkingHours /);
    expect(answer).toMatch(/<h:ServerVersionInfo MajorVersion="15" /);
  });

  test('is answered in its order and without addresses, each mailbox with a result of its own', async () => {
    exchange.calendars.addMailbox('director@example.test', { access: 'none' });
    exchange.calendars.outOfOffice('alice@example.test', { start: at('10:00'), end: at('11:00') });
    exchange.calendars.addMailbox('bob@example.test');
    exchange.calendars.book('bob@example.test', { start: at('10:00'), end: at('11:00') });
    const mailboxes = ['bob@example.test', 'director@example.test', 'Alice@Example.TEST', 'nobody@example.test'];
    const answer = await ask({ mailboxes });
    const codes = ['NoError', 'ErrorNoFreeBusyAccess', 'NoError', 'ErrorMailRecipientNotFound'];
    expect(texts(answer, 'ResponseCode')).toEqual(codes);
    expect(texts(answer, 'FreeBusyViewType')).toEqual(['FreeBusy', 'None', 'FreeBusy', 'None']);
    expect(texts(answer, 'BusyType')).toEqual(['Busy', 'OOF']);
    expect(answer).not.toContain('bob@example.test');
    expect(exchange.requests[0]).toMatchObject({
      mailboxes,
      window: { start: Number(at('00:00')), end: Number(at('00:00', '2026-01-10')) },
      authorization: 'ok',
      status: 200,
    });
  });

  test.each(['FreeBusy', 'Detailed'])('never gets a subject, asking for the view %s', async (view) => {
    exchange.calendars.book('alice@example.test', {
      start: at('10:00'),
      end: at('11:00'),
      subject: 'Dismissal of Bob',
    });
    const answer = await ask({ view });
    expect(texts(answer, 'BusyType')).toEqual(['Busy']);
    expect(texts(answer, 'FreeBusyViewType')).toEqual(['FreeBusy']);
    expect(answer).not.toContain('Dismissal');
    expect(answer).not.toContain('Details');
  });

  test('has its times in its own time zone, by its daylight rule', async () => {
    exchange.calendars.book('alice@example.test', { start: at('10:00'), end: at('11:00') });
    exchange.calendars.book('alice@example.test', { start: at('10:00', '2026-07-09'), end: at('11:00', '2026-07-09') });
    const zone = timeZone({ bias: -60, daylight: true });
    const winter = await ask({ timeZone: zone, start: '2026-01-09T11:59:59', end: '2026-01-09T12:30:00' });
    expect(texts(winter, 'StartTime')).toEqual(['2026-01-09T11:00:00']);
    const summer = await ask({ timeZone: zone, start: '2026-07-09T12:59:59', end: '2026-07-09T13:30:00' });
    expect(texts(summer, 'StartTime')).toEqual(['2026-07-09T12:00:00']);
    const later = await ask({ timeZone: zone, start: '2026-07-09T13:00:00', end: '2026-07-09T13:30:00' });
    expect(texts(later, 'StartTime')).toEqual([]);
  });

  test('may have offsets in its times', async () => {
    exchange.calendars.book('alice@example.test', { start: at('10:00'), end: at('11:00') });
    const during = await ask({ start: '2026-01-09T12:59:59+02:00', end: '2026-01-09T12:00:00Z' });
    expect(texts(during, 'BusyType')).toEqual(['Busy']);
    const after = await ask({ start: '2026-01-09T13:00:00+02:00', end: '2026-01-09T12:00:00Z' });
    expect(texts(after, 'BusyType')).toEqual([]);
  });

  test('may name UTC in a TimeZoneContext header instead, as libraries do', async () => {
    exchange.calendars.book('alice@example.test', { start: at('10:00'), end: at('11:00') });
    const headers = '<t:TimeZoneContext><t:TimeZoneDefinition Id="UTC"/></t:TimeZoneContext>';
    expect(texts(await ask({ timeZone: '', headers }), 'StartTime')).toEqual(['2026-01-09T10:00:00']);
  });

  test('gets ErrorResultSetTooBig for a mailbox with more than 1000 entries', async () => {
    for (let i = 0; i < 1000; i++) {
      exchange.calendars.book('alice@example.test', { start: at('10:00'), end: at('11:00') });
    }
    expect(texts(await ask(), 'BusyType')).toHaveLength(1000);
    exchange.calendars.book('alice@example.test', { start: at('10:00'), end: at('11:00') });
    expect(texts(await ask(), 'ResponseCode')).toEqual(['ErrorResultSetTooBig']);
  });

  test('is compressed only for a client that takes gzip', async () => {
    const zipped = await post(exchange, availabilityRequest(), { 'accept-encoding': 'gzip' });
    expect(zipped.headers.get('content-encoding')).toBe('gzip');
    expect(texts(await zipped.text(), 'ResponseCode')).toEqual(['NoError']);
    const plain = await post(exchange, availabilityRequest(), { 'accept-encoding': 'identity' });
    expect(plain.headers.get('content-encoding')).toBeNull();
    await plain.text();
  });
});

describe('a request that Exchange refuses', () => {
  const many = Array.from({ length: 101 }, (_, i) => `user${i}@example.test`);
  const impersonation =
    '<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>alice@example.test</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>';

  test.each<[string, string, RequestParts]>([
    ['101 mailboxes', 'ErrorMailboxDataArrayTooBig', { mailboxes: many }],
    ['no mailbox', 'ErrorMailboxDataArrayEmpty', { mailboxes: [] }],
    ['a window of 62 days and a second', 'ErrorTimeIntervalTooBig', { end: '2026-03-12T00:00:01' }],
    ['a window without a length', 'ErrorInvalidTimeInterval', { end: '2026-01-09T00:00:00' }],
    ['a window that ends before it starts', 'ErrorInvalidTimeInterval', { end: '2026-01-08T00:00:00' }],
    ['an unknown server version', 'ErrorInvalidServerVersion', { version: 'Exchange2042' }],
    ['no time zone', 'ErrorMissingArgument', { timeZone: '' }],
    ['the view None', 'ErrorInvalidFreeBusyViewType', { view: 'None' }],
    ['an unknown view', 'ErrorSchemaValidation', { view: 'Everything' }],
    [
      'a day that does not exist',
      'ErrorSchemaValidation',
      { start: '2026-02-30T00:00:00', end: '2026-03-03T00:00:00' },
    ],
    ['impersonation without the right to it', 'ErrorImpersonateUserDenied', { headers: impersonation }],
  ])('for %s gets the fault %s', async (_, code, parts) => {
    const response = await post(exchange, availabilityRequest(parts));
    const body = await response.text();
    expect(response.status).toBe(500);
    expect(texts(body, 'faultcode')).toEqual([`a:${code}`]);
    expect(texts(body, 'ResponseCode')).toEqual([code]);
    expect(exchange.rejections).toEqual([expect.stringContaining(`${code}: `)]);
    expect(exchange.requests[0]).toMatchObject({ status: 500, mailboxes: [] });
  });

  test('accepts exactly 100 mailboxes and exactly 62 days', async () => {
    const answer = await ask({ mailboxes: many.slice(1), end: '2026-03-12T00:00:00' });
    expect(texts(answer, 'ResponseCode')).toHaveLength(100);
  });

  test.each<[string, string, (xml: string) => string]>([
    ['elements in the wrong order', 'ErrorSchemaValidation', swapped],
    ['an unknown element', 'ErrorSchemaValidation', (xml) => xml.replace('</t:MailboxData>', '<t:X/></t:MailboxData>')],
    ['a wrong namespace', 'ErrorSchemaValidation', (xml) => xml.replaceAll('t:AttendeeType', 'm:AttendeeType')],
    ['broken XML', 'ErrorSchemaValidation', (xml) => xml.slice(0, -1)],
    ['nothing', 'ErrorSchemaValidation', () => ''],
    ['a document type', 'ErrorSchemaValidation', (xml) => xml.replace('?>', '?><!DOCTYPE x>')],
    ['a SOAP 1.2 envelope', 'ErrorSchemaValidation', soap12],
    ['an empty body', 'ErrorInvalidRequest', (xml) => xml.replace(/<s:Body>.*<\/s:Body>/s, '<s:Body/>')],
    ['another operation', 'ErrorInvalidRequest', (xml) => xml.replaceAll('GetUserAvailabilityRequest', 'FindItem')],
  ])('for %s gets the fault %s', async (_, code, spoil) => {
    const response = await post(exchange, spoil(availabilityRequest()));
    expect(response.status).toBe(500);
    expect(texts(await response.text(), 'ResponseCode')).toEqual([code]);
    expect(exchange.rejections).toHaveLength(1);
  });

  test('that is not UTF-8 gets the fault ErrorSchemaValidation, one with a byte order mark gets none', async () => {
    const latin = availabilityRequest({ mailboxes: ['zoë@example.test'] });
    const wrong = await post(exchange, Buffer.from(latin, 'latin1'));
    expect(texts(await wrong.text(), 'ResponseCode')).toEqual(['ErrorSchemaValidation']);
    expect((await post(exchange, `\uFEFF${availabilityRequest()}`)).status).toBe(200);
  });

  test('of another method, type or place gets a plain HTTP error', async () => {
    const got = await fetch(exchange.url, { headers: { authorization: `Basic ${btoa('gateway:secret')}` } });
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await post(exchange, availabilityRequest(), { 'content-type': 'application/soap+xml' })).status).toBe(415);
    expect((await fetch(new URL('/EWS/Other.asmx', exchange.url))).status).toBe(404);
    expect(exchange.rejections).toHaveLength(2);
  });
});

describe('authentication', () => {
  test.each([
    ['none', {}],
    ['wrong', { authorization: `Basic ${btoa('gateway:Secret')}` }],
    ['wrong', { authorization: 'Bearer abc' }],
  ])('with %s credentials the answer is 401 with a challenge', async (authorization, headers) => {
    const response = await fetch(exchange.url, { method: 'POST', body: availabilityRequest(), headers });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
    expect(exchange.requests[0]).toMatchObject({ authorization, status: 401 });
    expect(exchange.rejections).toEqual([]);
  });

  test('names and passwords may hold colons and characters outside ASCII', async () => {
    const account = { username: 'EXAMPLE\\gätewäy', password: 'grün:blau€' };
    const other = await startExchangeSimulator({ account });
    const authorization = `Basic ${Buffer.from(`${account.username}:${account.password}`).toString('base64')}`;
    expect((await post(other, availabilityRequest(), { authorization })).status).toBe(200);
    expect((await post(other)).status).toBe(401);
    await other.stop();
  });
});

describe('the server', () => {
  test('speaks HTTPS when it is given a certificate', async () => {
    const authority = makeAuthority();
    const secure = await startExchangeSimulator({ tls: authority.issue() });
    const status = await new Promise((resolve, reject) => {
      request(secure.url, { method: 'POST', ca: authority.ca, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end('');
    });
    expect(secure.url).toMatch(/^https:/);
    expect(status).toBe(401);
    await secure.stop();
  });

  test('takes its clock and its thinking time from the options', async () => {
    const slow = await startExchangeSimulator({ now: () => Number(at('12:00')), think: 30 });
    const began = performance.now();
    const response = await post(slow);
    expect(performance.now() - began).toBeGreaterThanOrEqual(29);
    expect(response.headers.get('date')).toBe('Fri, 09 Jan 2026 12:00:00 GMT');
    expect(slow.requests[0]?.at).toBe(Number(at('12:00')));
    await slow.stop();
  });

  test('refuses more requests at once than the account may have', async () => {
    const narrow = await startExchangeSimulator({ think: 50, concurrency: 2 });
    const answers = await Promise.all([post(narrow), post(narrow), post(narrow)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 500]);
    await narrow.stop();
  });
});

function swapped(xml: string): string {
  return xml.replace(/(<t:Email>.*?<\/t:Email>)(<t:AttendeeType>.*?<\/t:AttendeeType>)/, '$2$1');
}

function soap12(xml: string): string {
  return xml.replace('http://schemas.xmlsoap.org/soap/envelope/', 'http://www.w3.org/2003/05/soap-envelope');
}
