import type { IncomingMessage, ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type OauthOptions, oauthCredentials } from '../../../../adapters/ews/oauth/oauth-credentials.ts';
import { systemClock } from '../../../../adapters/runtime/system-clock.ts';
import { makeAuthority } from '../../../support/certificate.ts';
import { authority, goodServer } from '../http/certificates.ts';
import { startConnectProxy } from '../http/connect-proxy.ts';
import { openTransport, post, serve } from '../http/local-server.ts';
import { makeClientCertificate } from './client-certificate.ts';

const tenant = '8a2b4c6d-0000-1111-2222-333344445555';
const clientId = 'aaaabbbb-0000-1111-2222-333344445555';
const secret = 'hunter2~very.secret';

type Answer = { status?: number; headers?: Record<string, string>; body?: unknown };
type Asked = { readonly method: string | undefined; readonly url: string | undefined; readonly body: string };

describe('an authority', () => {
  test.each([
    ['login.microsoftonline.com', undefined],
    ['login.microsoftonline.us', 'https://login.microsoftonline.us'],
    ['login.partner.microsoftonline.cn', 'https://login.partner.microsoftonline.cn/'],
  ])('%s is asked at its own address, and nobody else', async (host, configured) => {
    const { asked, server } = await startAuthority([{ body: token('t1') }], [host]);
    const proxy = await startConnectProxy({ routes: { [host]: server.port } });
    const scope = 'https://outlook.example/.default';
    const credentials = oauthCredentials({ ...application, authority: configured, scope, ca: server.ca, proxy });
    expect(await credentials.tryToken(new AbortController().signal)).toMatchObject({ lifetime: 3_600_000 });
    expect(proxy.asked).toEqual([`${host}:443`]);
    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([`POST /${tenant}/oauth2/v2.0/token`]);
    const sent = Object.fromEntries(new URLSearchParams(asked[0]?.body));
    expect(sent).toMatchObject({ client_id: clientId, client_secret: secret, grant_type: 'client_credentials', scope });
  });

  test('of another kind is asked where its metadata is', async () => {
    const { url, asked } = await startAuthority([{ body: token('t1') }]);
    await tryToken({ authority: url });
    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
      `GET /${tenant}/v2.0/.well-known/openid-configuration`,
      `POST /${tenant}/oauth2/v2.0/token`,
    ]);
  });

  test('that refers to another host gets no secret sent there', async () => {
    const other = await startAuthority([{ body: token('t1') }]);
    const { url } = await startAuthority([], undefined, `${other.url}/${tenant}/token`);
    await expect(tryToken({ authority: url })).rejects.toMatchObject({
      kind: 'malformed',
      message: expect.stringContaining(new URL(other.url).host),
    });
    expect(other.asked).toEqual([]);
  });

  test.each<[string, Answer, object, RegExp]>([
    [
      'a wrong secret',
      aadsts(401, 'invalid_client', 7000215),
      { kind: 'unauthorized', code: 'AADSTS7000215' },
      /its value/,
    ],
    ['an expired secret', aadsts(401, 'invalid_client', 7000222), { kind: 'unauthorized' }, /has expired/],
    ['an unknown application', aadsts(400, 'unauthorized_client', 700016), { kind: 'unauthorized' }, /does not know/],
    ['an unknown tenant', aadsts(400, 'invalid_request', 90002), { kind: 'unauthorized' }, /no tenant 8a2b4c6d/],
    ['an unknown certificate', aadsts(401, 'invalid_client', 700027), { kind: 'unauthorized' }, /certificate/],
    [
      'a code in the description only',
      { status: 400, body: { error: 'x', error_description: 'AADSTS90002: hunter2' } },
      { code: 'AADSTS90002' },
      /no tenant/,
    ],
    [
      'a code that is unknown',
      aadsts(400, 'invalid_grant', 123),
      { kind: 'unauthorized', code: 'invalid_grant' },
      /AADSTS123/,
    ],
    [
      'too many requests',
      { status: 429, headers: { 'retry-after': '17' } },
      { kind: 'throttled', retryAfter: 17_000 },
      /busy/,
    ],
    ['being unavailable', { status: 503 }, { kind: 'throttled', retryAfter: undefined }, /busy/],
    [
      'being unavailable by name',
      { status: 400, body: { error: 'temporarily_unavailable' } },
      { kind: 'throttled' },
      /busy/,
    ],
    ['a fault of its own', { status: 500, body: '<html>' }, { kind: 'unreachable' }, /HTTP 500/],
    [
      'a fault of its own in JSON',
      { status: 502, body: { error: 'bad_gateway' } },
      { kind: 'unreachable', code: 'HTTP 502' },
      /HTTP 502/,
    ],
    [
      'a fault of its own by name',
      { status: 400, body: { error: 'server_error', error_codes: [90012] } },
      { kind: 'unreachable' },
      /it fails/,
    ],
    ['a page that is not found', { status: 404, body: '<html>' }, { kind: 'malformed' }, /check its address/],
    ['a redirect', { status: 302, headers: { location: 'https://login.test' } }, { kind: 'malformed' }, /HTTP 302/],
    ['a page', { body: '<html>hunter2</html>' }, { kind: 'malformed' }, /no JSON/],
    ['no token', { body: { token_type: 'Bearer', expires_in: 3600 } }, { kind: 'malformed' }, /no token/],
    [
      'a token for ever',
      { body: { token_type: 'Bearer', access_token: 'hunter2' } },
      { kind: 'malformed' },
      /no token/,
    ],
    [
      'too much',
      { body: { access_token: 'x'.repeat(2_000_000) } },
      { kind: 'malformed', code: 'ANSWER_TOO_LARGE' },
      /greater/,
    ],
    [
      'hostile words',
      { status: 400, body: { error: { hunter2: [] }, error_codes: ['hunter2', null] } },
      { kind: 'malformed' },
      /no reason/,
    ],
  ])('that answers with %s becomes an error that says what to do', async (_name, answer, fields, text) => {
    const { url } = await startAuthority([answer]);
    const error: unknown = await tryToken({ authority: url }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ ...fields, message: expect.stringMatching(text) });
    expect(error).toMatchObject({ message: expect.stringContaining(`The authority ${new URL(url).host}: `) });
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('hunter2');
  });

  test('that does not know the tenant says so before the secret is sent', async () => {
    const { url, asked } = await startAuthority([], undefined, undefined, aadsts(400, 'invalid_tenant', 90002));
    await expect(tryToken({ authority: url })).rejects.toMatchObject({ kind: 'unauthorized', code: 'AADSTS90002' });
    expect(asked).toHaveLength(1);
  });

  test('that is not there is named', async () => {
    const { url, close } = await startAuthority([]);
    await close();
    await expect(tryToken({ authority: url })).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'ECONNREFUSED',
      message: expect.stringMatching(/^The authority 127\.0\.0\.1:\d+: nothing listens/),
    });
  });

  test('whose certificate is not trusted gets nothing', async () => {
    const { url, asked } = await startAuthority([{ body: token('t1') }]);
    await expect(tryToken({ authority: url, ca: undefined })).rejects.toMatchObject({ kind: 'unreachable' });
    expect(asked).toEqual([]);
  });

  test('that hangs is not waited for for ever', async () => {
    const { url } = await startAuthority(['hang']);
    await expect(tryToken({ authority: url, limits: { token: 200 } })).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'TIMEOUT',
    });
  });

  test('is left when aborted', async () => {
    const { url } = await startAuthority(['hang']);
    const reason = new Error('enough');
    const abort = new AbortController();
    const tried = oauthCredentials({ ...application, authority: url }).tryToken(abort.signal);
    setTimeout(() => abort.abort(reason), 50);
    await expect(tried).rejects.toBe(reason);
  });
});

describe('Exchange', () => {
  test('that refuses a token is asked once more with a new one', async () => {
    const { url } = await startAuthority([{ body: token('t1') }, { body: token('t2') }]);
    const exchange = await startExchange(({ headers }) => (headers.authorization === 'Bearer t2' ? 200 : 401));
    const transport = openTransport(exchange.url, {
      credentials: oauthCredentials({ ...application, authority: url }),
    });
    expect((await post(transport)).status).toBe(200);
    expect((await post(transport)).status).toBe(200);
    expect(exchange.tokens).toEqual(['t1', 't2', 't2']);
  });

  test('that refuses the new one, too, has answered', async () => {
    const { url, asked } = await startAuthority([{ body: token('t1') }, { body: token('t2') }]);
    const exchange = await startExchange(() => 401);
    const transport = openTransport(exchange.url, {
      credentials: oauthCredentials({ ...application, authority: url }),
    });
    expect(await post(transport)).toMatchObject({ status: 401, text: 'status 401' });
    expect(exchange.tokens).toEqual(['t1', 't2']);
    expect(asked.filter(({ method }) => method === 'POST')).toHaveLength(2);
  });

  test('that refuses one token in many requests costs one new token', async () => {
    const { url, asked } = await startAuthority([{ body: token('t1') }, { body: token('t2') }]);
    const exchange = await startExchange(({ headers }) => (headers.authorization === 'Bearer t2' ? 200 : 401));
    const transport = openTransport(exchange.url, {
      credentials: oauthCredentials({ ...application, authority: url }),
    });
    const answers = await Promise.all([1, 2, 3, 4].map(() => post(transport)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(asked.filter(({ method }) => method === 'POST')).toHaveLength(2);
  });

  test('that is busy, with a 401 and the time to come back, keeps the token', async () => {
    const { url } = await startAuthority([{ body: token('t1') }]);
    const exchange = await startExchange(() => 401, { 'retry-after': '7' });
    const transport = openTransport(exchange.url, {
      credentials: oauthCredentials({ ...application, authority: url }),
    });
    expect(await post(transport)).toMatchObject({ status: 401 });
    expect(exchange.tokens).toEqual(['t1']);
  });

  test('gets no request while there is no token', async () => {
    const { url } = await startAuthority([aadsts(401, 'invalid_client', 7000215)]);
    const exchange = await startExchange(() => 200);
    const transport = openTransport(exchange.url, {
      credentials: oauthCredentials({ ...application, authority: url }),
    });
    await expect(post(transport)).rejects.toMatchObject({ kind: 'unauthorized', code: 'AADSTS7000215' });
    expect(exchange.tokens).toEqual([]);
  });

  test('whose transport is closed leaves no authority waiting', async () => {
    const authorityServer = await startAuthority(['hang']);
    const credentials = oauthCredentials({ ...application, authority: authorityServer.url });
    const transport = openTransport('http://127.0.0.1:9/', { credentials });
    const posted = post(transport);
    posted.catch(() => {});
    while (authorityServer.asked.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await transport.close();
    await expect(posted).rejects.toMatchObject({ kind: 'unreachable' });
    await authorityServer.left;
  });
});

describe('what is secret', () => {
  test('is in no property and in no error', async () => {
    const { url } = await startAuthority([{ body: token('the-token') }]);
    const exchange = await serve((request) => request.socket.destroy());
    const credentials = oauthCredentials({ ...application, authority: url });
    const transport = openTransport(exchange.url, { credentials });
    const error = await post(transport).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'UND_ERR_SOCKET' });
    const shown = inspect([credentials, transport, error], { depth: 20, showHidden: true });
    expect(shown).not.toContain('hunter2');
    expect(shown).not.toContain('the-token');
  });
});

describe('an application', () => {
  const rsa = makeClientCertificate();
  const other = makeClientCertificate();
  const edwards = makeClientCertificate('ed25519');

  test.each<[string, Partial<OauthOptions>, RegExp]>([
    ['of everybody', { tenant: 'common' }, /of its own/],
    ['of nobody', { tenant: '' }, /tenant/],
    ['of a path', { tenant: 'a/b' }, /tenant/],
    ['without an id', { clientId: '' }, /id/],
    ['with a secret that has a line break', { secret: 'hunter2\n' }, /line break/],
    ['with an empty secret', { secret: '' }, /empty/],
    ['without a secret', { secret: undefined }, /not both/],
    ['with two', { certificate: rsa }, /not both/],
    [
      'with half a certificate',
      { secret: undefined, certificate: { ...rsa, certificate: 'x' } },
      /certificate can not/,
    ],
    ['with half a key', { secret: undefined, certificate: { ...rsa, privateKey: 'hunter2' } }, /key can not/],
    ['with the key of another', { secret: undefined, certificate: { ...rsa, privateKey: other.privateKey } }, /belong/],
    ['with another kind of key', { secret: undefined, certificate: edwards }, /no RSA/],
    ['of an authority without TLS', { authority: 'http://login.test' }, /https/],
    ['of an authority with a path', { authority: 'https://login.test/tenant' }, /more than a host/],
    ['of no authority', { authority: 'login.test' }, /no URL/],
    ['without a scope', { scope: '' }, /scope/],
  ])('%s is refused', (_name, options, text) => {
    const refused = () => oauthCredentials({ ...application, ...options });
    expect(refused).toThrow(RangeError);
    expect(refused).toThrow(text);
    expect(refused).not.toThrow('hunter2');
  });
});

const application = { tenant, clientId, secret, ca: authority, clock: systemClock } satisfies OauthOptions;

function tryToken(options: Partial<OauthOptions>) {
  return oauthCredentials({ ...application, ...options }).tryToken(new AbortController().signal);
}

function token(value: string) {
  return { token_type: 'Bearer', expires_in: 3600, ext_expires_in: 3600, access_token: value };
}

/** An error as Entra words it. */
function aadsts(status: number, error: string, code: number): Answer {
  return { status, body: { error, error_description: `AADSTS${code}: hunter2`, error_codes: [code], trace_id: 'x' } };
}

/** An authority for one test: it answers the requests for tokens one after the other. */
async function startAuthority(
  answers: readonly (Answer | 'hang')[],
  names?: readonly string[],
  tokenEndpoint?: string,
  metadata?: Answer,
) {
  const own = names === undefined ? undefined : makeAuthority();
  const asked: Asked[] = [];
  const waiting = [...answers];
  let leave = () => {};
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const { url: served, server } = await serve(
    (request, response) => {
      readAll(request).then(
        (body) => {
          // msal adds the number of the request.
          asked.push({ method: request.method, url: request.url?.replace(/\?client-request-id=[\w-]+$/, ''), body });
          if (request.method === 'GET') return send(response, metadata ?? { body: metadataOf(url, tokenEndpoint) });
          const next = waiting.shift();
          if (next === 'hang') return void response.once('close', leave);
          send(response, next ?? { status: 418 });
        },
        () => {},
      );
    },
    own?.issue({ names: names ?? [] }) ?? goodServer,
  );
  const url = new URL(served).origin;
  const close = () => new Promise((resolve) => server.close(resolve));
  return { url, asked, left, close, server: { port: Number(new URL(url).port), ca: own?.ca ?? authority } };
}

function metadataOf(url: string, tokenEndpoint = `${url}/${tenant}/oauth2/v2.0/token`) {
  return {
    issuer: `${url}/${tenant}/v2.0`,
    authorization_endpoint: `${url}/${tenant}/oauth2/v2.0/authorize`,
    token_endpoint: tokenEndpoint,
    jwks_uri: `${url}/${tenant}/discovery/v2.0/keys`,
  };
}

function send(response: ServerResponse, { status = 200, headers = {}, body = '' }: Answer): void {
  response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Exchange, as far as OAuth goes. */
async function startExchange(judge: (request: IncomingMessage) => number, headers: Record<string, string> = {}) {
  const tokens: (string | undefined)[] = [];
  const { url } = await serve((request, response) => {
    tokens.push(request.headers.authorization?.replace('Bearer ', ''));
    const status = judge(request);
    response.writeHead(status, headers).end(`status ${status}`);
  });
  return { url, tokens };
}
