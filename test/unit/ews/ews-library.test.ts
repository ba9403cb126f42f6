import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ExchangeService } from 'ews-javascript-api';
import { afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { callEwsLibrary, type EwsModule, loadEwsLibrary } from '../../../adapters/ews/ews-library.ts';
import type { EwsTransport } from '../../../adapters/ews/http/ews-transport.ts';
import { systemClock } from '../../../adapters/runtime/system-clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { openTransport, serve } from './http/local-server.ts';

const ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>BODY</s:Body></s:Envelope>';
const FAULT = ENVELOPE.replace(
  'BODY',
  '<s:Fault><faultcode>s:Client</faultcode><faultstring>No.</faultstring><detail><ResponseCode>ErrorServerBusy</ResponseCode></detail></s:Fault>',
);
const OOF_DENIED = ENVELOPE.replace(
  'BODY',
  '<GetUserOofSettingsResponse xmlns="http://schemas.microsoft.com/exchange/services/2006/messages">' +
    '<ResponseMessage ResponseClass="Error"><MessageText>No, alice@example.com</MessageText>' +
    '<ResponseCode>ErrorAccessDenied</ResponseCode></ResponseMessage></GetUserOofSettingsResponse>',
);

const OOF_BUSY = OOF_DENIED.replace('ErrorAccessDenied', 'ErrorServerBusy').replace(
  '</ResponseMessage>',
  '<DescriptiveLinkKey>0</DescriptiveLinkKey><MessageXml>' +
    '<t:Value xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" Name="BackOffMilliseconds">45000</t:Value>' +
    '</MessageXml></ResponseMessage>',
);

function askOof(service: ExchangeService): Promise<unknown> {
  return service.GetUserOofSettings('alice@example.com');
}

function call<Result>(
  transport: EwsTransport,
  run: (service: ExchangeService, ews: EwsModule) => Promise<Result>,
  options: { clock?: FakeClock; signal?: AbortSignal } = {},
): Promise<Result> {
  const { clock = systemClock, signal = new AbortController().signal } = options;
  return callEwsLibrary({ transport, clock, limit: 30_000, signal }, run);
}

// Loading takes a second, and several on a busy machine.
beforeAll(() => loadEwsLibrary(), 60_000);

describe('ews-javascript-api over our transport', () => {
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(reason);
  beforeEach(() => {
    rejections.length = 0;
    process.on('unhandledRejection', onRejection);
  });
  afterEach(async () => {
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    process.off('unhandledRejection', onRejection);
    expect(rejections).toEqual([]);
  });

  test.each([
    ['an empty answer with HTTP 500', 500, '', { kind: 'malformed' }],
    ['an empty answer with HTTP 200', 200, '', { kind: 'malformed' }],
    ['an HTML page with HTTP 500', 500, '<html><br></html>', { kind: 'malformed' }],
    ['a SOAP message without a fault with HTTP 500', 500, ENVELOPE, { kind: 'malformed' }],
    ['a refused password', 401, '', { kind: 'unauthorized' }],
    ['a locked account', 456, '', { kind: 'unauthorized' }],
    ['a fault', 500, FAULT, { kind: 'throttled', code: 'ErrorServerBusy' }],
    ['a fault with HTTP 200', 200, FAULT, { kind: 'throttled', code: 'ErrorServerBusy' }],
    ['an answer to another question', 200, ENVELOPE, { kind: 'malformed' }],
    ['a busy server’s back-off in the answer', 200, OOF_BUSY, { code: 'ErrorServerBusy', retryAfter: 45_000 }],
    ['an error in the answer', 200, OOF_DENIED, { kind: 'access-denied', code: 'ErrorAccessDenied' }],
  ])('%s ends in an error of ours', async (_name, status, body, expected) => {
    const { url } = await serve((_request, response) => response.writeHead(status).end(body));
    const error = await call(openTransport(url), askOof).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'CalendarSourceError', ...expected });
    expect((error as Error).message).not.toContain('alice');
  });

  test('a lost connection ends in an error of ours', async () => {
    const { url } = await serve((request) => request.socket.destroy());
    await expect(call(openTransport(url), askOof)).rejects.toMatchObject({ kind: 'unreachable' });
  });

  test('a server that hangs is given up at the limit', async () => {
    const clock = new FakeClock(0);
    const { url } = await serve(() => clock.advance(30_000));
    await expect(call(openTransport(url), askOof, { clock })).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'TIMEOUT',
    });
    expect(clock.pending).toBe(0);
  });

  test('a call that never settles is given up at the limit', async () => {
    const clock = new FakeClock(0);
    const never = (): Promise<never> => {
      clock.advance(30_000);
      return new Promise(() => {});
    };
    await expect(call(openTransport('http://127.0.0.1:1/'), never, { clock })).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
  });

  test('a call ends with the reason of its signal, and so does its request', async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    const closed = new Promise((resolve) => {
      void serve((request) => {
        request.socket.once('close', resolve);
        abort.abort(reason);
      }).then(({ url }) => {
        const called = call(openTransport(url), askOof, { signal: abort.signal });
        called.catch(() => {});
        return expect(called).rejects.toBe(reason);
      });
    });
    await closed;
  });

  test('a stream is refused without harm', async () => {
    const { url } = await serve((_request, response) => response.end());
    const opened = call(openTransport(url), (service) => service.XHRApi.xhrStream({ url }, () => {}));
    await expect(opened).rejects.toMatchObject({ kind: 'malformed' });
  });

  test('its requests carry our credentials and our wish for compression', async () => {
    const seen: unknown[] = [];
    const { url } = await serve((request, response) => {
      seen.push(request.headers.authorization, request.headers['accept-encoding'], request.headers['x-anchormailbox']);
      response.end(FAULT);
    });
    const ask = (service: ExchangeService): Promise<unknown> => {
      service.HttpHeaders.Add('X-AnchorMailbox', 'alice@example.com');
      return askOof(service);
    };
    await call(openTransport(url), ask).catch(() => {});
    const basic = `Basic ${Buffer.from('gateway:secret').toString('base64')}`;
    expect(seen).toEqual([basic, 'gzip, deflate', 'alice@example.com']);
  });

  test('without the shield, an empty HTTP 500 is an unhandled rejection', async () => {
    const consoleError = vi.spyOn(console, 'error').mockImplementation(() => {});
    onTestFinished(() => consoleError.mockRestore());
    // Shows that the shield is needed still: when this fails, the library has mended it.
    const ews = await loadEwsLibrary();
    const service = new ews.ExchangeService(ews.ExchangeVersion.Exchange2013);
    service.Url = new ews.Uri('http://127.0.0.1:1/');
    service.Credentials = new ews.WebCredentials('a', 'b');
    const answer = { status: 500, responseText: '', getAllResponseHeaders: () => '' };
    service.XHRApi = {
      xhr: () => Promise.reject(answer as never),
      xhrStream: () => Promise.reject(new Error()),
      disconnect() {},
    };
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    askOof(service).then(settle, settle);
    while (rejections.length === 0 && !settled) await nextTurn();
    expect(settled).toBe(false);
    expect(rejections.splice(0)).toHaveLength(1);
  });
});
