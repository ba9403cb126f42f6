import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import type { DetailedPeerCertificate } from 'node:tls';
import { inspect } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type ConnectorOptions, createConnector, openTunnel } from '../../../../adapters/ews/http/connector.ts';
import { certificateError, explainNetworkError } from '../../../../adapters/ews/http/network-error.ts';
import { systemClock } from '../../../../adapters/runtime/system-clock.ts';
import { makeAuthority } from '../../../support/certificate.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { authority, expiredServer, goodServer, otherServer } from './certificates.ts';
import { startConnectProxy } from './connect-proxy.ts';
import { openTransport, post, serve } from './local-server.ts';

describe('a proxy', () => {
  test.each([
    ['http', undefined],
    ['https', goodServer],
  ])('with %s is asked for a tunnel, and TLS to Exchange is verified in it', async (_name, tls) => {
    const { url, server } = await serve((_request, response) => response.end('x'), goodServer);
    let connections = 0;
    server.on('secureConnection', () => connections++);
    const proxy = await startConnectProxy({ tls });
    const transport = openTransport(url, { ca: authority, proxy, connections: 1 });
    expect((await post(transport)).text).toBe('x');
    expect((await post(transport)).text).toBe('x');
    expect(proxy.asked).toEqual([new URL(url).host]);
    expect(connections).toBe(1);
  });

  test('resolves the name itself, and the certificate must be for that name', async () => {
    const { url } = await serve((_request, response) => response.end('x'), goodServer);
    const port = Number(new URL(url).port);
    const proxy = await startConnectProxy({ routes: { 'exchange.test': port, 'mail.invalid': port } });
    const open = (host: string) => openTransport(`https://${host}/EWS/Exchange.asmx`, { ca: authority, proxy });
    expect((await post(open('exchange.test'))).text).toBe('x');
    await expect(post(open('mail.invalid'))).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      message: expect.stringMatching(/^Exchange at mail\.invalid: .*exchange\.test, localhost, 127\.0\.0\.1/),
    });
    expect(proxy.asked).toEqual(['exchange.test:443', 'mail.invalid:443']);
  });

  test('gets user name and password, and Exchange does not', async () => {
    const seen: unknown[] = [];
    const { url } = await serve((request, response) => {
      seen.push(request.headers['proxy-authorization']);
      response.end('x');
    });
    const isRight = ({ headers }: IncomingMessage) =>
      headers['proxy-authorization'] === `Basic ${Buffer.from('gäte:pass:wörd').toString('base64')}`;
    const proxy = await startConnectProxy({ refuse: (request, socket) => !isRight(request) && !!socket.destroy() });
    const transport = openTransport(url, { proxy: { url: proxy.url, username: 'gäte', password: 'pass:wörd' } });
    expect((await post(transport)).text).toBe('x');
    expect(seen).toEqual([undefined]);
  });

  test.each([
    ['407 without credentials', '407 x', 'proxy-authenticate: Basic realm="x"', false, /asks for a log-in.*configure/],
    ['407 with wrong ones', '407 x', 'proxy-authenticate: Basic realm="x"', true, /refuses the user name/],
    ['407 for another scheme', '407 x', 'proxy-authenticate: Negotiate, NTLM', true, /Negotiate, NTLM.*only Basic/],
    ['403', '403 Forbidden', 'x: y', true, /connect to 127\.0\.0\.1:\d+ \(HTTP 403\): allow/],
    ['502', '502 Bad Gateway', 'x: y', true, /does not reach 127\.0\.0\.1:\d+ \(HTTP 502\)/],
    ['405', '405 Method Not Allowed', 'x: y', true, /no tunnels/],
    ['302', '302 Found', 'location: http://login.test', true, /HTTP 302 instead/],
  ])(
    'that answers %s is named, with what to do and without its password',
    async (_name, status, header, given, text) => {
      const refuse = (_request: IncomingMessage, socket: Socket) => {
        // It leaves the end to us.
        socket.write(`HTTP/1.1 ${status}\r\n${header}\r\ncontent-length: 4\r\n\r\nbody`);
        return true;
      };
      const proxy = await startConnectProxy({ refuse });
      const credentials = given ? { username: 'gateway', password: 'hunter2' } : {};
      const transport = openTransport('https://127.0.0.1:9/EWS', { proxy: { url: proxy.url, ...credentials } });
      const error: unknown = await post(transport).catch((thrown: unknown) => thrown);
      // Refused credentials are asked for three times at most: the proxy's account can be locked, too.
      const kind = String(text).includes('refuses') ? 'proxy-unauthorized' : 'unreachable';
      expect(error).toMatchObject({ kind, code: `PROXY_HTTP_${status.slice(0, 3)}` });
      expect(error).toMatchObject({ message: expect.stringMatching(text) });
      expect(error).toMatchObject({ message: expect.stringContaining(`The proxy at ${new URL(proxy.url).host}: `) });
      const shown = inspect([error, transport], { depth: 20, showHidden: true });
      expect(shown).not.toContain('hunter2');
      expect(shown).not.toContain(Buffer.from('gateway:hunter2').toString('base64'));
      await until(() => proxy.open.size === 0);
    },
  );

  test('that speaks no HTTP is named', async () => {
    const url = await listen((socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.2\r\n')));
    await expect(post(openTransport('https://127.0.0.1:9/', { proxy: { url } }))).rejects.toMatchObject({
      kind: 'unreachable',
      code: expect.stringMatching(/^PROXY_HPE_/),
      message: expect.stringMatching(/^The proxy at .*not HTTP/),
    });
  });

  test('whose head has no end is cut off', async () => {
    const url = await listen((socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write(`x: ${'y'.repeat(10_000)}\r\n`));
        socket.once('drain', more);
      };
      socket.once('data', () => more());
      socket.write('HTTP/1.1 200 OK\r\n');
    });
    await expect(post(openTransport('https://127.0.0.1:9/', { proxy: { url } }))).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'PROXY_HPE_HEADER_OVERFLOW',
    });
  });

  test('that is not there is named', async () => {
    const proxy = await startConnectProxy();
    await new Promise((resolve) => proxy.server.close(resolve));
    await expect(post(openTransport('https://127.0.0.1:9/', { proxy }))).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'PROXY_ECONNREFUSED',
      message: expect.stringMatching(/^The proxy at 127\.0\.0\.1:\d+: nothing listens/),
    });
  });

  test('whose own certificate is not trusted is named', async () => {
    const proxy = await startConnectProxy({ tls: otherServer });
    await expect(post(openTransport('https://127.0.0.1:9/', { ca: authority, proxy }))).rejects.toMatchObject({
      message: expect.stringMatching(/^The proxy at .*other names.*other\.test/),
    });
    expect(proxy.asked).toEqual([]);
  });

  test('that hangs is waited for no longer than for a connection, which is closed then', async () => {
    const proxy = await startConnectProxy({ refuse: () => true });
    const transport = openTransport('https://127.0.0.1:9/', { proxy, limits: { connect: 50 } });
    await expect(post(transport)).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringMatching(/^The proxy at .*no connection in time/),
    });
    await until(() => proxy.open.size === 0);
  });

  test('is not blamed for an Exchange that hangs in TLS; the tunnel is closed', async () => {
    const target = await listen(() => {});
    const proxy = await startConnectProxy();
    const transport = openTransport(target.replace('http:', 'https:'), { proxy, limits: { connect: 50 } });
    await expect(post(transport)).rejects.toMatchObject({
      code: 'UND_ERR_CONNECT_TIMEOUT',
      message: expect.stringMatching(/^Exchange at /),
    });
    await until(() => proxy.open.size === 0);
  });

  test('is left at once when the transport is closed', async () => {
    const proxy = await startConnectProxy({ refuse: () => true });
    const transport = openTransport('https://127.0.0.1:9/', { proxy });
    const posted = post(transport);
    posted.catch(() => {});
    await until(() => proxy.asked.length === 1);
    await transport.close();
    await expect(posted).rejects.toMatchObject({ kind: 'unreachable' });
    await until(() => proxy.open.size === 0);
  });

  test('may hand on what the other end says at once', async () => {
    const url = await listen((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\nhello at once'));
    });
    const connector = createConnector(connectorOptions({ proxy: { url } }));
    const socket = await new Promise<Socket>((resolve, reject) => {
      connector({ hostname: 'mail.test', protocol: 'http:', port: '80' }, (error, opened) =>
        opened === null ? reject(error) : resolve(opened),
      );
    });
    onTestFinished(() => void socket.destroy());
    const [first] = await once(socket, 'data');
    expect(String(first)).toBe('hello at once');
  });

  test.each([
    ['https://[::1]/EWS', '[::1]:443'],
    ['https://mail.test:8443/EWS', 'mail.test:8443'],
    ['http://localhost/EWS', 'localhost:80'],
  ])('is asked for %s as %s', async (url, authority) => {
    const proxy = await startConnectProxy({ refuse: (_request, socket) => !!socket.destroy() });
    await expect(post(openTransport(url, { proxy, connections: 1 }))).rejects.toMatchObject({ kind: 'unreachable' });
    expect(new Set(proxy.asked)).toEqual(new Set([authority]));
  });

  test('can be tried alone', async () => {
    const { url } = await serve(() => {});
    const proxy = await startConnectProxy();
    const { signal } = new AbortController();
    const tunnel = await openTunnel({ ...connectorOptions({ proxy }), signal }, new URL(url));
    tunnel.destroy();
    expect(proxy.asked).toEqual([new URL(url).host]);
    const refusing = await startConnectProxy({ refuse: (_request, socket) => !!socket.destroy() });
    await expect(openTunnel({ ...connectorOptions({ proxy: refusing }), signal }, new URL(url))).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'PROXY_ECONNRESET',
    });
  });

  test.each([
    [{ url: 'proxy.test:3128' }, /no http/],
    [{ url: 'socks5://proxy.test' }, /other kinds/],
    [{ url: 'http://u:hunter2@proxy.test' }, /options of their own/],
    [{ url: 'http://proxy.test', username: 'a:b', password: 'hunter2' }, /colon/],
    [{ url: 'http://proxy.test', username: 'a', password: 'hunter2\n' }, /line break/],
    [{ url: 'http://', username: 'a', password: 'hunter2' }, /no URL/],
  ])('may not be %j', (proxy, text) => {
    const refused = () => createConnector(connectorOptions({ proxy }));
    expect(refused).toThrow(RangeError);
    expect(refused).toThrow(text);
    expect(refused).not.toThrow('hunter2');
  });
});

describe('a certificate', () => {
  test('that expires while we run is refused at the next connection, with its date', async () => {
    const ends = Math.ceil(Date.now() / 1_000 + 1) * 1_000;
    const shortLived = makeAuthority();
    const tls = shortLived.issue({ names: ['127.0.0.1'], ends });
    const { url, server } = await serve((_request, response) => response.end('x'), tls);
    const transport = openTransport(url, { ca: shortLived.ca });
    expect((await post(transport)).text).toBe('x');
    server.closeAllConnections();
    await new Promise((resolve) => setTimeout(resolve, ends + 1_000 - Date.now()));
    await expect(post(transport)).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'CERT_HAS_EXPIRED',
      message: expect.stringContaining(`CN=127.0.0.1, valid until ${new Date(ends).toISOString().replace('.000', '')}`),
    });
  });

  test('that expires while a connection is in use ends that connection, with its date', async () => {
    const clock = new FakeClock(Date.now());
    let connections = 0;
    let asked = 0;
    const { url, server } = await serve((_request, response) => {
      // Only the second question finds no answer.
      if (++asked !== 2) response.end('x');
    }, goodServer);
    server.on('secureConnection', () => connections++);
    const transport = openTransport(url, { ca: authority, clock, connections: 1 });
    expect((await post(transport)).text).toBe('x');
    const limits = { request: Number.POSITIVE_INFINITY, silence: Number.POSITIVE_INFINITY };
    const asking = transport.post({ body: '<question/>', signal: new AbortController().signal, limits }, () => {});
    const refused = expect(asking).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'CERT_HAS_EXPIRED',
      message: expect.stringMatching(/CN=exchange\.test, valid until \d{4}-\d\d-\d\dT[\d:]+Z/),
    });
    await until(() => asked === 2);
    clock.jump(Date.parse(new X509Certificate(goodServer.cert).validTo) - clock.now());
    clock.advance(3_600_000);
    await refused;
    // The machine's clock, by which it is verified, says otherwise.
    expect((await post(transport)).text).toBe('x');
    expect(connections).toBe(2);
    await transport.close();
    await until(() => clock.pending === 0);
  });

  const peer = (pem: string, issuer?: DetailedPeerCertificate) =>
    ({ raw: new X509Certificate(pem).raw, issuerCertificate: issuer }) as DetailedPeerCertificate;
  const fails = (code: string) => Object.assign(new Error('x'), { code });

  test('that is well, but was issued by one whose time is over, is not the one that is named', () => {
    const root = peer(authority);
    root.issuerCertificate = root;
    const chain = peer(goodServer.cert, peer(expiredServer.cert, root));
    const text = explainNetworkError(certificateError(fails('CERT_HAS_EXPIRED'), chain, Date.now()));
    expect(text).toMatch(/\(CN=localhost, valid until \d{4}-\d\d-\d\dT[\d:]+Z\)$/);
  });

  test('that is not valid yet is named with its first date', () => {
    const text = explainNetworkError(certificateError(fails('CERT_NOT_YET_VALID'), peer(goodServer.cert), 0));
    expect(text).toMatch(/check the clocks \(CN=exchange\.test, valid from 20/);
  });

  test('of an unknown authority is named with its issuer', () => {
    const chain = peer(goodServer.cert);
    const text = explainNetworkError(certificateError(fails('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), chain, 0));
    expect(text).toMatch(/\(CN=exchange\.test, issued by CN=Test authority\)$/);
  });

  test('has nothing to do with other failures', () => {
    const error = fails('ECONNRESET');
    expect(certificateError(error, peer(goodServer.cert), 0)).toBe(error);
    const other = fails('CERT_HAS_EXPIRED');
    expect(certificateError(other, {} as DetailedPeerCertificate, 0)).toBe(other);
  });
});

function connectorOptions(options: Partial<ConnectorOptions>): ConnectorOptions {
  return { connectTimeout: 5_000, clock: systemClock, ...options };
}

/** A server on TCP for one test; the address is written as that of a web server. */
async function listen(serveSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    serveSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Waits until something is so; the test's own limit ends it. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
