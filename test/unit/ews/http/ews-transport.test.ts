import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { inspect } from 'node:util';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { basicCredentials } from '../../../../adapters/ews/http/authentication.ts';
import {
  createEwsTransport,
  type EwsAnswer,
  type EwsRequest,
  parseEwsUrl,
} from '../../../../adapters/ews/http/ews-transport.ts';
import { systemClock } from '../../../../adapters/runtime/system-clock.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { authority, expiredServer, goodServer, otherServer } from './certificates.ts';
import { openTransport, post, serve } from './local-server.ts';

describe('the transport', () => {
  test('posts XML with Basic authentication and gives back status, headers and text', async () => {
    const seen: unknown[] = [];
    const { url } = await serve((request, response) => {
      const { authorization, accept } = request.headers;
      seen.push([request.method, request.url, request.headers['content-type'], accept, authorization]);
      response.writeHead(418, { 'X-Test': ['a', 'b'] }).end('très bien');
    });
    const credentials = basicCredentials('EXAMPLE\\gäte', 'pass:wörd');
    const answer = await post(openTransport(`${url}?x=1`, { credentials }));
    expect(answer.status).toBe(418);
    expect(answer.headers.get('x-test')).toBe('a, b');
    expect(answer.text).toBe('très bien');
    const basic = `Basic ${Buffer.from('EXAMPLE\\gäte:pass:wörd').toString('base64')}`;
    expect(seen).toEqual([['POST', '/EWS/Exchange.asmx?x=1', 'text/xml; charset=utf-8', 'text/xml', basic]]);
  });

  test('hands on text as it arrives, characters cut in two included', async () => {
    const bytes = Buffer.from('a€b');
    const { url } = await serve((_request, response) => {
      const next = (at: number): void => {
        if (at === bytes.length) response.end();
        else response.write(bytes.subarray(at, at + 1), () => setTimeout(next, 5, at + 1));
      };
      next(0);
    });
    const pieces: string[] = [];
    const signal = new AbortController().signal;
    await openTransport(url).post({ body: '', signal }, (text) => pieces.push(text));
    expect(pieces.join('')).toBe('a€b');
    expect(pieces.length).toBeGreaterThan(1);
  });

  test('keeps its connection from one request to the next', async () => {
    let connections = 0;
    const { url, server } = await serve((_request, response) => response.end('x'));
    server.on('connection', () => connections++);
    const transport = openTransport(url, { connections: 1 });
    for (let i = 0; i < 5; i++) await post(transport);
    expect(connections).toBe(1);
  });

  test('does not follow a redirect', async () => {
    const paths: unknown[] = [];
    const { url } = await serve((request, response) => {
      paths.push(request.url);
      response.writeHead(302, { location: '/owa/auth/logon.aspx' }).end();
    });
    const answer = await post(openTransport(url));
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/owa/auth/logon.aspx']);
    expect(paths).toEqual(['/EWS/Exchange.asmx']);
  });

  test('repeats a request once when a kept connection turns out to be closed', async () => {
    let requests = 0;
    const { url } = await serve((request, response) => {
      requests++;
      if (requests === 2) request.socket.destroy();
      else response.end('x');
    });
    const transport = openTransport(url);
    await post(transport);
    expect((await post(transport)).text).toBe('x');
    expect(requests).toBe(3);
  });

  test('gives up when the connection is cut twice', async () => {
    let requests = 0;
    const { url } = await serve((request) => {
      requests++;
      request.socket.destroy();
    });
    await expect(post(openTransport(url))).rejects.toMatchObject({ kind: 'unreachable', code: 'UND_ERR_SOCKET' });
    expect(requests).toBe(2);
  });

  test('does not repeat a request whose answer was cut', async () => {
    let requests = 0;
    const { url } = await serve((_request, response) => {
      requests++;
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    await expect(post(openTransport(url))).rejects.toMatchObject({ kind: 'unreachable' });
    expect(requests).toBe(1);
  });

  test('reports an answer that is no HTTP as malformed', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {}).once('data', () => socket.end('500 5.5.1 Command unrecognized\r\n'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    await expect(post(openTransport(`http://127.0.0.1:${port}/`))).rejects.toMatchObject({ kind: 'malformed' });
  });

  test('reports a port where nothing listens', async () => {
    const { url, server } = await serve(() => {});
    await new Promise((resolve) => server.close(resolve));
    await expect(post(openTransport(url))).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'ECONNREFUSED',
      message: expect.stringMatching(/127\.0\.0\.1:\d+: nothing listens/),
    });
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    // As IIS sends it.
    ['deflate', deflateRawSync],
    ['identity', Buffer.from],
  ] as const)('reads an answer in the coding %s', async (coding, encode) => {
    const said = 'très bien '.repeat(50_000);
    const asked: unknown[] = [];
    const { url } = await serve((request, response) => {
      asked.push(request.headers['accept-encoding']);
      response.writeHead(200, { 'content-encoding': coding }).end(encode(Buffer.from(said)));
    });
    expect((await post(openTransport(url))).text).toBe(said);
    expect(asked).toEqual(['gzip, deflate']);
  });

  test.each([
    ['in a coding that was not asked for', 'br', Buffer.from('x'), 'ANSWER_CODING'],
    ['that is not compressed as it says', 'gzip', Buffer.from('<Envelope/>'), 'Z_DATA_ERROR'],
    ['that is not deflated as it says', 'deflate', Buffer.from('<Envelope/>'), 'Z_DATA_ERROR'],
    ['whose compressed end is missing', 'gzip', gzipSync('x'.repeat(1_000)).subarray(0, -12), 'Z_BUF_ERROR'],
  ])('reports an answer %s', async (_name, coding, bytes, code) => {
    const { url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': coding }).end(bytes);
    });
    const transport = openTransport(url, { connections: 1 });
    await expect(post(transport)).rejects.toMatchObject({ kind: 'malformed', code });
  });

  test.each(['gzip', 'deflate'])('reads an answer without a body that says it is in the coding %s', async (coding) => {
    const { url } = await serve((_request, response) => {
      response.writeHead(401, { 'content-encoding': coding, 'content-length': '0' }).end();
    });
    expect(await post(openTransport(url))).toMatchObject({ status: 401, text: '' });
  });

  test('reports a compressed answer that is cut as a cut connection', async () => {
    const { url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': '100000' });
      response.write(gzipSync('x'.repeat(1_000)), () => response.destroy());
    });
    await expect(post(openTransport(url))).rejects.toMatchObject({ kind: 'unreachable' });
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ])('reports an answer in %s that becomes more than the limit, in little memory', async (coding, compress) => {
    const bomb = compress(Buffer.alloc(200_000_000));
    const { url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': coding }).end(bomb);
    });
    const transport = openTransport(url, { limits: { answerBytes: 10_000_000 } });
    const before = process.memoryUsage().rss;
    let received = 0;
    const posted = transport.post({ body: '', signal: new AbortController().signal }, (text) => {
      received += text.length;
    });
    await expect(posted).rejects.toMatchObject({ kind: 'malformed', code: 'ANSWER_TOO_LARGE' });
    expect(received).toBeLessThanOrEqual(10_000_000);
    // Of the 200 MB that it would become.
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });

  test('reports a compressed answer without an end that becomes nothing', async () => {
    const nothing = gzipSync('');
    const { url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      const more = (): void => {
        while (!response.destroyed && response.write(nothing));
        response.once('drain', more);
      };
      more();
    });
    const transport = openTransport(url, { limits: { answerBytes: 100_000 } });
    await expect(post(transport)).rejects.toMatchObject({ kind: 'malformed', code: 'ANSWER_TOO_LARGE' });
  });

  test('reports an answer over the size limit, and stops reading', async () => {
    let isOver = false;
    const { url } = await serve((_request, response) => {
      response.once('close', () => {
        isOver = true;
      });
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
        response.once('drain', more);
      };
      more();
    });
    let received = 0;
    const transport = openTransport(url, { limits: { answerBytes: 100_000 } });
    const signal = new AbortController().signal;
    const posted = transport.post({ body: '', signal }, (text) => {
      received += text.length;
    });
    await expect(posted).rejects.toMatchObject({ kind: 'malformed', code: 'ANSWER_TOO_LARGE' });
    expect(received).toBeLessThanOrEqual(100_000);
    while (!isOver) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test('tells the head before the text, with each cookie, to whoever follows an answer', async () => {
    const asked: unknown[] = [];
    const { url } = await serve((request, response) => {
      asked.push(request.headers['accept-encoding']);
      response.writeHead(200, { 'Set-Cookie': ['a=1; expires=Tue, 24 Nov 2026 01:50:00 GMT', 'b=2'] });
      response.flushHeaders();
      setTimeout(() => response.end('text'), 20);
    });
    const seen: unknown[] = [];
    const request = {
      body: '',
      signal: new AbortController().signal,
      onAnswer: ({ status, cookies }: EwsAnswer) => seen.push([status, cookies]),
    };
    await openTransport(url).post(request, (text) => text !== '' && seen.push(text));
    expect(seen).toEqual([[200, ['a=1; expires=Tue, 24 Nov 2026 01:50:00 GMT', 'b=2']], 'text']);
    expect(asked).toEqual(['identity']);
  });

  test('gives a request other limits than its own, or none', async () => {
    let requests = 0;
    const { url } = await serve((_request, response) => {
      response.write('x'.repeat(2_000));
      if (requests++ === 0) setTimeout(() => response.end('end'), 200);
    });
    const clock = new FakeClock(0);
    const transport = openTransport(url, { clock, limits: { silence: 50, answerBytes: 1_000, request: 1_000 } });
    const ask = (limits: EwsRequest['limits']) =>
      transport.post({ body: '', signal: new AbortController().signal, limits }, () => {});
    const none = Number.POSITIVE_INFINITY;
    const posted = ask({ silence: none, answerBytes: none, request: none });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(clock.pending).toBe(0);
    clock.advance(1_000_000_000);
    expect(await posted).toMatchObject({ status: 200 });
    await expect(ask({ silence: none })).rejects.toMatchObject({ code: 'ANSWER_TOO_LARGE' });
    await expect(ask({ answerBytes: none })).rejects.toMatchObject({ code: 'UND_ERR_BODY_TIMEOUT' });
  });

  test('does not wait for the answer for ever', async () => {
    const { url } = await serve(() => {});
    const transport = openTransport(url, { limits: { headers: 50 } });
    await expect(post(transport)).rejects.toMatchObject({ kind: 'unreachable', code: 'UND_ERR_HEADERS_TIMEOUT' });
  });

  test('does not wait for ever within an answer', async () => {
    const { url } = await serve((_request, response) => void response.write('half'));
    const transport = openTransport(url, { limits: { silence: 50 } });
    await expect(post(transport)).rejects.toMatchObject({ kind: 'unreachable', code: 'UND_ERR_BODY_TIMEOUT' });
  });

  test('does not wait for ever for an answer that drips', async () => {
    let drips = 0;
    const { url } = await serve((_request, response) => {
      const drip = setInterval(() => response.write(String(drips++)), 10);
      response.once('close', () => clearInterval(drip));
    });
    const clock = new FakeClock(0);
    const posted = post(openTransport(url, { clock, limits: { request: 60_000 } }));
    posted.catch(() => {});
    while (drips < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(clock.nextIn).toBe(60_000);
    clock.advance(60_000);
    await expect(posted).rejects.toMatchObject({ kind: 'unreachable', code: 'TIMEOUT' });
    expect(clock.pending).toBe(0);
  });

  test('ends at once with the reason when aborted, before, during and never after', async () => {
    const { url } = await serve((request, response) => {
      if (request.headers['content-length'] !== '11') response.end();
    });
    const transport = openTransport(url);
    const reason = new Error('enough');
    await expect(post(transport, AbortSignal.abort(reason))).rejects.toBe(reason);
    const abort = new AbortController();
    const posted = post(transport, abort.signal);
    setTimeout(() => abort.abort(reason), 20);
    await expect(posted).rejects.toBe(reason);
  });

  test('ends the requests under way when it is closed, and takes no more', async () => {
    const { url } = await serve(() => {});
    const transport = openTransport(url);
    const posted = post(transport);
    posted.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 20));
    await transport.close();
    await expect(posted).rejects.toMatchObject({ kind: 'unreachable' });
    await expect(post(transport)).rejects.toMatchObject({ kind: 'unreachable' });
  });
});

describe('TLS', () => {
  test.each([
    ['an authority that is not known', goodServer, undefined, /UNABLE_TO_/, /`caFile`/],
    ['a certificate for another name', otherServer, authority, /ERR_TLS_CERT_ALTNAME_INVALID/, /other names/],
    ['an expired certificate', expiredServer, authority, /CERT_HAS_EXPIRED/, /renew/],
  ])('refuses %s before anything is sent', async (_name, tls, ca, code, advice) => {
    let requests = 0;
    const { url } = await serve(() => requests++, tls);
    await expect(post(openTransport(url, { ca }))).rejects.toMatchObject({
      kind: 'unreachable',
      code: expect.stringMatching(code),
      message: expect.stringMatching(advice),
    });
    expect(requests).toBe(0);
  });

  test('accepts a certificate of the configured authority', async () => {
    const { url } = await serve((_request, response) => response.end('x'), goodServer);
    expect((await post(openTransport(url, { ca: `some words\n${authority}` }))).text).toBe('x');
  });

  test('says so when no TLS is spoken at the port', async () => {
    const { url } = await serve((_request, response) => response.end('x'));
    await expect(post(openTransport(url.replace('http:', 'https:')))).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringMatching(/no TLS/),
    });
  });

  test.each([
    ['no certificate', 'hello'],
    ['a damaged one', authority.replace('MII', 'xxx')],
  ])('refuses a `ca` that holds %s', (_name, ca) => {
    expect(() => openTransport('https://127.0.0.1/', { ca })).toThrow(RangeError);
  });
});

describe('the address', () => {
  test.each([
    'https://mail.example.com/EWS/Exchange.asmx',
    'http://127.0.0.1:8080/x',
    'http://localhost/',
    'http://[::1]/',
  ])('may be %s', (url) => {
    expect(parseEwsUrl(url).href).toBe(url);
  });

  test.each([
    'mail.example.com',
    'ftp://mail.example.com/',
    'http://mail.example.com/',
    'http://127.example.com/',
    'https://u:hunter2@mail.example.com/',
  ])('may not be %s', (url) => {
    const refused = () => parseEwsUrl(url);
    expect(refused).toThrow(RangeError);
    expect(refused).not.toThrow('hunter2');
  });
});

describe('a secret', () => {
  test('is in no property and in no error', async () => {
    const { url } = await serve((request) => request.socket.destroy());
    const credentials = basicCredentials('gateway', 'hunter2');
    const transport = createEwsTransport({ url, credentials, connections: 1, clock: systemClock });
    onTestFinished(() => transport.close());
    const error = await post(transport).catch((thrown: unknown) => thrown);
    const base64 = Buffer.from('gateway:hunter2').toString('base64');
    for (const thing of [credentials, transport, error]) {
      const shown = inspect(thing, { depth: 20, showHidden: true });
      expect(shown).not.toContain('hunter2');
      expect(shown).not.toContain(base64);
    }
  });

  test.each([
    ['a:b', 'c'],
    ['a', 'b\n'],
    ['a\u0000', 'b'],
  ])('that Basic authentication can not carry is refused: %j, %j', (user, password) => {
    expect(() => basicCredentials(user, password)).toThrow(RangeError);
  });
});
