// Faults of OAuth: of the authority that gives the tokens, and of an Exchange that does not take them.

import type { ServerResponse } from 'node:http';
import { expect } from 'vitest';
import { MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import type { TokenWeather } from './authority.ts';
import { type ExchangeOptions, type FaultyExchange, PEOPLE } from './exchange.ts';
import type { Fault } from './fault.ts';

/** How long a token lasts where a fault concerns the next one. */
const LIFETIME = 4 * MINUTE;
const shortly: ExchangeOptions = { scheme: 'oauth', tokenLifetime: LIFETIME };
const exchange: ExchangeOptions = { scheme: 'oauth' };

/** There is no token any more, when the present one has ended. */
function withoutTokens(name: string, answer: TokenWeather['answer'], more: Partial<Fault> = {}): Fault {
  return {
    name: `OAuth: ${name}`,
    exchange: shortly,
    begin: ({ authority }) => {
      authority.weather = { ...(answer !== undefined && { answer }) };
    },
    feltAfter: LIFETIME,
    cutsOff: PEOPLE,
    sparesStreams: true,
    check: 'token error',
    ...more,
  };
}

function says(status: number, body: object | string, headers: Readonly<Record<string, string>> = {}) {
  return (response: ServerResponse): void => {
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

/** An error as Entra writes it. */
function aadsts(code: number): object {
  return { error: 'invalid_client', error_codes: [code], error_description: `AADSTS${code}: No.` };
}

/** All tokens are forgotten, and Exchange takes none of the new ones. */
function untaken(name: string, weather: TokenWeather): Fault {
  const begin = ({ front, authority }: FaultyExchange): void => {
    authority.weather = weather;
    refuseOld(front);
  };
  return { name: `OAuth: ${name}`, exchange, begin, cutsOff: PEOPLE, needsOperator: true };
}

/** Exchange takes no token any more that it has seen before. */
function refuseOld(front: FaultyExchange['front']): void {
  let old: string | undefined;
  front.weather = {
    answer: ({ token }, response) => {
      old ??= token;
      if (token === undefined || token !== old) return false;
      response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end();
      return true;
    },
  };
}

const refused: Partial<Fault> = { needsOperator: true };

export const oauthFaults: readonly Fault[] = [
  withoutTokens('nothing listens at the authority', undefined, {
    begin: ({ authority }) => authority.refuse(),
    end: ({ authority }) => authority.accept(),
  }),
  withoutTokens('the authority never answers', () => {}, {
    hangs: (origin) => origin.startsWith('https:'),
    lingers: 90 * SECOND,
  }),
  withoutTokens('the authority cuts connections', ({ socket }) => socket?.destroy()),
  withoutTokens('the authority fails with 500', says(500, '<html>')),
  withoutTokens('the authority is busy, 503', says(503, '<html>')),
  withoutTokens('the authority throttles, 429', says(429, {}, { 'retry-after': '100' }), { wantsRest: 100 * SECOND }),
  withoutTokens('the authority says a page', says(200, '<html><body>Sign in</body></html>')),
  withoutTokens('the authority gives no token', says(200, { token_type: 'Bearer', expires_in: 3600 })),
  withoutTokens('the secret is wrong', says(401, aadsts(7000215)), refused),
  withoutTokens('the secret has expired', says(401, aadsts(7000222)), refused),
  withoutTokens('the renewal fails while the token is good', undefined, {
    exchange: { scheme: 'oauth', tokenLifetime: 24 * MINUTE },
    begin: ({ authority }) => {
      authority.weather = { answer: says(500, '') };
      authority.askedAt.length = 0;
    },
    end: ({ authority }) => expect(authority.askedAt.length).toBeGreaterThan(0),
    feltAfter: 0,
    cutsOff: [],
    isAbsorbed: true,
  }),
  untaken('Exchange trusts no token of the authority', { isStranger: true }),
  untaken('the tokens allow nothing', { isPowerless: true }),
  {
    name: 'OAuth: all tokens are revoked, new ones are good',
    exchange,
    begin: ({ front }) => refuseOld(front),
    isAbsorbed: true,
    check: 'version info',
  },
];
