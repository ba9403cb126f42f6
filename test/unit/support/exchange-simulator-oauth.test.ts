import { generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { availabilityRequest, post, texts } from '../../support/exchange-simulator/availability-client.ts';
import {
  type ExchangeSimulator,
  type ExchangeSimulatorOptions,
  startExchangeSimulator,
} from '../../support/exchange-simulator/exchange-simulator.ts';

const NOW = Date.parse('2026-01-09T08:00:00Z');
const SECONDS = NOW / 1000;
const ISSUER = 'https://login.example.test/tenant/v2.0';
const AUDIENCE = 'https://outlook.office365.com';

type Pair = { readonly privateKey: KeyObject; readonly jwk: JsonWebKey };
let trusted: Pair;
let stranger: Pair;
const cleanUps: (() => unknown)[] = [];

function makePair(kid: string): Pair {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid } };
}

beforeAll(() => {
  trusted = makePair('one');
  stranger = makePair('one');
});

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(options: ExchangeSimulatorOptions = {}): Promise<ExchangeSimulator> {
  const exchange = await startExchangeSimulator({
    schemas: '',
    now: () => NOW,
    authentication: ['bearer'],
    oauth: { issuer: ISSUER, audience: AUDIENCE, keys: [trusted.jwk] },
    ...options,
  });
  cleanUps.push(() => exchange.stop());
  exchange.calendars.addMailbox('alice@example.test');
  return exchange;
}

const goodClaims = {
  iss: ISSUER,
  aud: AUDIENCE,
  iat: SECONDS - 60,
  nbf: SECONDS - 60,
  exp: SECONDS + 3600,
  appid: '11111111-2222-3333-4444-555555555555',
  roles: ['full_access_as_app'],
};

function token(
  claims: object = {},
  { privateKey } = trusted,
  head: object = { alg: 'RS256', typ: 'JWT', kid: 'one' },
): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part(head)}.${part({ ...goodClaims, ...claims })}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
}

function impersonating(address: string): string {
  const headers = `<t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>${address}</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>`;
  return availabilityRequest({ headers });
}

async function ask(
  exchange: ExchangeSimulator,
  bearer: string,
  body = impersonating('alice@example.test'),
): Promise<Response> {
  return await post(exchange, body, { authorization: `Bearer ${bearer}` });
}

describe('an application with a good token', () => {
  test('that impersonates a mailbox is answered, without X-AnchorMailbox too', async () => {
    const exchange = await start();
    const response = await ask(exchange, token());
    expect(response.status).toBe(200);
    expect(texts(await response.text(), 'ResponseCode')).toEqual(['NoError']);
    expect(exchange.requests.at(-1)).toMatchObject({ authorization: 'ok', impersonated: 'alice@example.test' });
  });

  test('that impersonates nobody is told that it has to', async () => {
    const response = await ask(await start(), token(), availabilityRequest());
    expect(response.status).toBe(500);
    const answer = await response.text();
    expect(texts(answer, 'ResponseCode')).toEqual(['ErrorInvalidExchangeImpersonationHeaderData']);
    expect(answer).toContain('ExchangeImpersonation SOAP header must be present for this type of OAuth token.');
  });

  test('can’t be someone who is not there', async () => {
    const response = await ask(await start(), token(), impersonating('nobody@example.test'));
    expect(texts(await response.text(), 'ResponseCode')).toEqual(['ErrorNonExistentMailbox']);
  });
});

describe('a token', () => {
  const bad: readonly (readonly [string, () => string, string])[] = [
    ['with the signature of another key', () => token({}, stranger), 'invalid_token'],
    [
      'that was changed',
      () => token().replace(/\.[^.]+\./, `.${token({ appid: 'x' }).split('.')[1]}.`),
      'invalid_token',
    ],
    [
      'with no signature',
      () => `${token({}, trusted, { alg: 'none' }).split('.').slice(0, 2).join('.')}.`,
      'invalid_token',
    ],
    ['with a shared secret’s algorithm', () => token({}, trusted, { alg: 'HS256', kid: 'one' }), 'invalid_token'],
    ['of an unknown key', () => token({}, trusted, { alg: 'RS256', kid: 'two' }), 'invalid_token'],
    ['that is none', () => 'abc.def', 'invalid_token'],
    ['that has expired', () => token({ exp: SECONDS - 300 }), 'invalid_token'],
    ['without an end', () => token({ exp: undefined }), 'invalid_token'],
    ['of the future', () => token({ nbf: SECONDS + 301 }), 'invalid_token'],
    ['of another issuer', () => token({ iss: 'https://login.example.test/other/v2.0' }), 'invalid_token'],
    ['for another service', () => token({ aud: 'https://graph.microsoft.com' }), 'invalid_resource'],
    ['without the role', () => token({ roles: ['Calendars.Read'] }), 'invalid_grant'],
    ['without any role', () => token({ roles: undefined }), 'invalid_grant'],
  ];

  test.each(bad)('%s is refused', async (_which, make, category) => {
    const exchange = await start();
    const response = await ask(exchange, make());
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer client_id=.*, error="invalid_token"$/);
    expect(response.headers.get('x-ms-diagnostics')).toMatch(
      new RegExp(`^\\d{7};reason=".+";error_category="${category}"$`),
    );
    expect(exchange.requests.at(-1)?.authorization).toBe('wrong');
  });

  test('is good for as long as clocks may differ', async () => {
    const exchange = await start();
    expect((await ask(exchange, token({ exp: SECONDS - 299 }))).status).toBe(200);
    expect((await ask(exchange, token({ nbf: SECONDS + 300 }))).status).toBe(200);
  });

  test('may name several audiences', async () => {
    expect((await ask(await start(), token({ aud: ['https://graph.microsoft.com', AUDIENCE] }))).status).toBe(200);
  });

  test('is not asked for where Basic is the offer, and Basic not taken where tokens are', async () => {
    const basic = await start({ authentication: ['basic'] });
    expect((await ask(basic, token())).status).toBe(401);
    const response = await post(await start());
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer client_id=/);
    expect(response.headers.get('www-authenticate')).not.toContain('error=');
  });
});

test('the authority’s keys are asked for again when it has a new one', async () => {
  const next = makePair('next');
  const keys = [trusted.jwk];
  let asked = 0;
  const authority = createServer((_request, response) => {
    asked++;
    response.end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => authority.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => authority.close());
  cleanUps.push(() => authority.closeAllConnections());
  const url = `http://127.0.0.1:${(authority.address() as AddressInfo).port}/keys`;
  const exchange = await start({ oauth: { issuer: ISSUER, audience: AUDIENCE, keys: url } });
  expect((await ask(exchange, token())).status).toBe(200);
  expect((await ask(exchange, token())).status).toBe(200);
  expect(asked).toBe(1);
  keys.push(next.jwk);
  expect((await ask(exchange, token({}, next, { alg: 'RS256', kid: 'next' }))).status).toBe(200);
  expect(asked).toBe(2);
});

test('tokens can’t be offered without saying whose are good', async () => {
  await expect(startExchangeSimulator({ schemas: '', authentication: ['bearer'] })).rejects.toThrow('oauth');
});
