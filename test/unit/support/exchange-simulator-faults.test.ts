import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { availabilityRequest, post, texts } from '../../support/exchange-simulator/availability-client.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import type { FaultSetting } from '../../support/exchange-simulator/faults.ts';

let exchange: ExchangeSimulator;

beforeEach(async () => {
  exchange = await startExchangeSimulator();
  const { calendars } = exchange;
  calendars.addMailbox('alice@example.test');
  calendars.addMailbox('bob@example.test');
  const at = { start: new Date('2026-01-09T10:00:00Z'), end: new Date('2026-01-09T11:00:00Z') };
  calendars.book('alice@example.test', at);
  calendars.book('bob@example.test', { ...at, status: 'OOF' });
});

afterEach(async () => {
  expect(exchange.rejections).toEqual([]);
  await exchange.stop();
});

const both = availabilityRequest({ mailboxes: ['alice@example.test', 'bob@example.test'] });

async function ask(): Promise<{ status: number; headers: Headers; body: string }> {
  const response = await post(exchange, both);
  return { status: response.status, headers: response.headers, body: await response.text() };
}

describe('a fault', () => {
  test('lasts for so many requests', async () => {
    exchange.faults.set({ kind: 'empty-500', times: 2 });
    expect([(await ask()).status, (await ask()).status, (await ask()).status]).toEqual([500, 500, 200]);
    expect(exchange.requests.map(({ status }) => status)).toEqual([500, 500, 200]);
  });

  test('lasts until it is cleared', async () => {
    exchange.faults.set({ kind: 'empty-500' });
    expect([(await ask()).status, (await ask()).status]).toEqual([500, 500]);
    exchange.faults.clear('unavailable');
    expect((await ask()).status).toBe(500);
    exchange.faults.clear('empty-500');
    expect((await ask()).status).toBe(200);
  });

  test('comes after those that were set before it, and replaces one of its kind', async () => {
    exchange.faults.set({ kind: 'unavailable', times: 5 });
    exchange.faults.set({ kind: 'unavailable', times: 1 });
    exchange.faults.set({ kind: 'unauthorized', times: 1 });
    expect([(await ask()).status, (await ask()).status, (await ask()).status]).toEqual([503, 401, 200]);
  });

  test('is not used up by a request that is refused anyway', async () => {
    exchange.faults.set({ kind: 'unavailable', times: 1 });
    const authorization = `Basic ${btoa('gateway:wrong')}`;
    expect((await post(exchange, both, { authorization })).status).toBe(401);
    expect((await ask()).status).toBe(503);
  });
});

describe('before Exchange', () => {
  test.each<[FaultSetting, number, Record<string, string | null>]>([
    [{ kind: 'unauthorized' }, 401, { 'www-authenticate': 'Basic realm="127.0.0.1"' }],
    [{ kind: 'blocked', reason: 'Switched off' }, 403, { 'x-ews-policy-reason': 'Switched off' }],
    [{ kind: 'unavailable' }, 503, { 'retry-after': null }],
    [{ kind: 'unavailable', retryAfter: 120 }, 503, { 'retry-after': '120' }],
    [{ kind: 'html' }, 200, { 'content-type': 'text/html; charset=utf-8' }],
    [{ kind: 'html-error' }, 500, { 'content-type': 'text/html; charset=utf-8' }],
    [{ kind: 'empty-500' }, 500, { 'content-length': '0' }],
    [{ kind: 'redirect' }, 302, { location: '/owa/auth/logon.aspx?replaceCurrent=1&reason=0' }],
  ])('%j is HTTP %i without XML', async (setting, status, expected) => {
    exchange.faults.set(setting);
    const answer = await ask();
    expect(answer.status).toBe(status);
    for (const [name, value] of Object.entries(expected)) expect(answer.headers.get(name)).toBe(value);
    expect(answer.body).not.toContain('Envelope');
  });

  test('a client that follows the redirect reads a page, and is seen', async () => {
    exchange.faults.set({ kind: 'redirect' });
    const response = await fetch(new URL((await ask()).headers.get('location') ?? '', exchange.url));
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await response.text()).toContain('<input type=password');
    expect(exchange.requests.map(({ status }) => status)).toEqual([302, 200]);
  });
});

describe('a busy server', () => {
  test('says how long to wait, not always first', async () => {
    exchange.faults.set({ kind: 'busy-fault', backOff: 4321 });
    const places: number[] = [];
    for (let i = 0; i < 2; i++) {
      const { status, body } = await ask();
      expect(status).toBe(500);
      expect(texts(body, 'ResponseCode')).toEqual(['ErrorServerBusy']);
      expect(body).toContain('<t:Value Name="BackOffMilliseconds">4321</t:Value>');
      places.push(texts(body, 'Value').indexOf('4321'));
    }
    expect(places).toEqual([0, 2]);
  });

  test('may say so in HTTP 200, for each mailbox', async () => {
    exchange.faults.set({ kind: 'busy-in-200', backOff: 1000 });
    const { status, body } = await ask();
    expect(status).toBe(200);
    expect(texts(body, 'ResponseCode')).toEqual(['ErrorServerBusy', 'ErrorServerBusy']);
    expect(texts(body, 'Value')).toEqual(['1000', '1000']);
  });

  test('may count connections and suggest no pause', async () => {
    exchange.faults.set({ kind: 'too-many-connections' });
    const { status, body } = await ask();
    expect(status).toBe(500);
    expect(texts(body, 'ResponseCode')).toEqual(['ErrorExceededConnectionCount']);
    expect(body).toContain('<t:Value Name="BackOffMilliseconds">0</t:Value>');
  });
});

describe('a damaged answer', () => {
  test('is cut off in its middle', async () => {
    exchange.faults.set({ kind: 'cut-body' });
    const response = await post(exchange, both, { 'accept-encoding': 'identity' });
    expect(response.status).toBe(200);
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(500);
    await expect(response.text()).rejects.toThrow('terminated');
  });

  test('comes slowly, but whole', async () => {
    exchange.faults.set({ kind: 'slow-body', pieces: 4, pause: 15 });
    const began = performance.now();
    const { body } = await ask();
    expect(performance.now() - began).toBeGreaterThanOrEqual(43);
    expect(texts(body, 'BusyType')).toEqual(['Busy', 'OOF']);
  });

  test('lacks a response', async () => {
    exchange.faults.set({ kind: 'wrong-count' });
    expect(texts((await ask()).body, 'BusyType')).toEqual(['Busy']);
  });

  test('is a fault in HTTP 200', async () => {
    exchange.faults.set({ kind: 'fault-in-200', code: 'ErrorMailboxStoreUnavailable' });
    const { status, body } = await ask();
    expect(status).toBe(200);
    expect(texts(body, 'faultcode')).toEqual(['a:ErrorMailboxStoreUnavailable']);
  });

  test('has busy types nobody knows', async () => {
    exchange.faults.set({ kind: 'unknown-busy-type', busyType: 'Dreaming' });
    expect(texts((await ask()).body, 'BusyType')).toEqual(['Dreaming', 'Dreaming']);
  });
});

describe('a mailbox error', () => {
  test('stands in the place of its mailbox alone', async () => {
    exchange.faults.set({
      kind: 'mailbox-error',
      mailbox: 'Alice@example.test',
      code: 'ErrorFreeBusyGenerationFailed',
    });
    const { body } = await ask();
    expect(texts(body, 'ResponseCode')).toEqual(['ErrorFreeBusyGenerationFailed', 'NoError']);
    expect(texts(body, 'BusyType')).toEqual(['OOF']);
  });

  test('is counted for requests with that mailbox, beside errors of others', async () => {
    const code = 'ErrorProxyRequestProcessingFailed';
    exchange.faults.set({ kind: 'mailbox-error', mailbox: 'alice@example.test', code, times: 1 });
    exchange.faults.set({ kind: 'mailbox-error', mailbox: 'bob@example.test', code });
    await (await post(exchange, availabilityRequest({ mailboxes: ['bob@example.test'] }))).text();
    expect(texts((await ask()).body, 'ResponseCode')).toEqual([code, code]);
    expect(texts((await ask()).body, 'ResponseCode')).toEqual(['NoError', code]);
  });
});

describe('a connection', () => {
  test('hangs until the server stops, and is recorded meanwhile', async () => {
    exchange.faults.set({ kind: 'hang', times: 1 });
    const hanging = post(exchange, both).then(
      () => 'answered',
      () => 'cut',
    );
    await expect.poll(() => exchange.requests.length).toBe(1);
    expect((await ask()).status).toBe(200);
    expect(exchange.requests.map(({ status }) => status)).toEqual([0, 200]);
    await exchange.stop();
    expect(await hanging).toBe('cut');
  });

  test('is refused and welcome again on the same port', async () => {
    const open = connect(exchange.port, '127.0.0.1');
    await new Promise((resolve) => open.once('connect', resolve));
    const closed = new Promise((resolve) => open.once('close', resolve));
    open.on('error', () => undefined);
    exchange.faults.set({ kind: 'refuse-connections' });
    await closed;
    await expect(ask()).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    exchange.faults.clear();
    expect((await ask()).status).toBe(200);
  });

  test('is refused for good after a stop, even when the faults are cleared', async () => {
    exchange.faults.set({ kind: 'refuse-connections' });
    await exchange.stop();
    exchange.faults.clear();
    await expect(ask()).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  });
});

describe('the style of the answers', () => {
  test('may have no prefix, other prefixes, line breaks, CDATA and no detail in faults', async () => {
    exchange.faults.set({ kind: 'response-style', prefix: 'none' });
    expect((await ask()).body).toMatch(/<Envelope xmlns="[^"]+"><Header>/);
    exchange.faults.set({ kind: 'response-style', prefix: 'soap11', messages: 'm', types: 't', pretty: true });
    const prefixed = (await ask()).body;
    expect(prefixed).toMatch(/^ {2}<soap11:Body>\n {4}<m:GetUserAvailabilityResponse /m);
    expect(prefixed).toMatch(/^ +<t:BusyType>Busy<\/t:BusyType>$/m);
    exchange.faults.set({ kind: 'response-style', cdata: true });
    expect((await ask()).body).toContain('<BusyType><![CDATA[Busy]]></BusyType>');
    exchange.faults.set({ kind: 'response-style', faultDetail: false });
    exchange.faults.set({ kind: 'too-many-connections' });
    expect((await ask()).body).not.toContain('detail');
  });

  test('leaves the children of a fault in no namespace, whatever the default is', async () => {
    exchange.faults.set({ kind: 'response-style', prefix: 'none' });
    exchange.faults.set({ kind: 'too-many-connections' });
    const { body } = await ask();
    for (const child of ['faultcode', 'faultstring', 'detail']) expect(body).toContain(`<${child} xmlns=""`);
  });

  test.each([
    ['none', '2026-01-09T10:00:00'],
    ['Z', '2026-01-09T10:00:00Z'],
    ['+05:30', '2026-01-09T15:30:00+05:30'],
    ['-08:00', '2026-01-09T02:00:00-08:00'],
  ] as const)('writes times with the offset %s', async (offsets, expected) => {
    exchange.faults.set({ kind: 'response-style', offsets });
    expect(texts((await ask()).body, 'StartTime')).toEqual([expected, expected]);
  });

  test('outlasts the clearing of all faults, not its own', async () => {
    exchange.faults.set({ kind: 'response-style', prefix: 'SOAP' });
    exchange.faults.clear();
    expect((await ask()).body).toContain('<SOAP:Envelope ');
    exchange.faults.clear('response-style');
    expect((await ask()).body).toContain('<s:Envelope ');
  });
});
