// An authority that gives tokens, as far as an application needs one: its metadata, and the end point for client
// credentials (RFC 6749 §4.4). What it answers there is up to the fault.

import { createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, HOUR, type Instant, SECOND } from '../../../component/runtime/clock.ts';
import { makeAuthority } from '../../support/certificate.ts';
import { Listener } from '../../support/exchange-simulator/listener.ts';

export const TENANT = 'example.onmicrosoft.com';
export const CLIENT_ID = 'aaaabbbb-0000-1111-2222-333344445555';
const AUDIENCE = 'https://outlook.office365.com';
const ROLE = 'full_access_as_app';

const trusted = makeAuthority();
const certificate = trusted.issue();
const { privateKey: known } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const { privateKey: unknown } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** What Exchange has to know to believe the tokens. */
export const trustInTokens = {
  issuer: `https://sts.example/${TENANT}`,
  audience: AUDIENCE,
  keys: [{ ...createPublicKey(known).export({ format: 'jwk' }), kid: 'known' } as JsonWebKey],
};

export type TokenWeather = {
  /** Answers whoever wants a token in the authority's place. */
  readonly answer?: (response: ServerResponse) => void;
  /** Signs with a key that Exchange has never heard of. */
  readonly isStranger?: boolean;
  /** Gives tokens that allow nothing. */
  readonly isPowerless?: boolean;
};

export class Authority {
  /** The certificate that its own was made with, PEM. */
  readonly ca = trusted.ca;
  weather: TokenWeather = {};
  /** When tokens were wanted. */
  readonly askedAt: Instant[] = [];
  readonly #clock: Clock;
  readonly #lifetime: number;
  readonly #listener = new Listener((request, response) => this.#serve(request, response), certificate);

  private constructor(clock: Clock, lifetime: number) {
    this.#clock = clock;
    this.#lifetime = lifetime;
  }

  /** @param lifetime of its tokens, in milliseconds */
  static async open(clock: Clock, lifetime = HOUR): Promise<Authority> {
    const authority = new Authority(clock, lifetime);
    await authority.#listener.open(0);
    return authority;
  }

  get url(): string {
    return `https://127.0.0.1:${this.#listener.port}`;
  }

  /** Nothing listens any more. */
  refuse(): void {
    this.#listener.close();
  }

  accept(): void {
    this.#listener.reopen();
  }

  stop(): void {
    this.#listener.close();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const base = `${this.url}/${TENANT}`;
    request.resume();
    if (request.method === 'GET') {
      send(response, {
        issuer: `${base}/v2.0`,
        authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
        token_endpoint: `${base}/oauth2/v2.0/token`,
        jwks_uri: `${base}/discovery/v2.0/keys`,
      });
      return;
    }
    this.askedAt.push(this.#clock.now());
    const { answer } = this.weather;
    if (answer !== undefined) answer(response);
    else send(response, { token_type: 'Bearer', expires_in: this.#lifetime / SECOND, access_token: this.#token() });
  }

  #token(): string {
    const { isStranger = false, isPowerless = false } = this.weather;
    const issued = Math.floor(this.#clock.now() / SECOND);
    const claims = {
      ...{ iss: trustInTokens.issuer, aud: AUDIENCE, appid: CLIENT_ID, roles: isPowerless ? [] : [ROLE] },
      ...{ iat: issued, nbf: issued, exp: issued + this.#lifetime / SECOND },
    };
    return signed(claims, isStranger ? unknown : known);
  }
}

function send(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** A JWT (RFC 7519). */
function signed(claims: object, key: KeyObject): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'ES256', typ: 'JWT', kid: 'known' })}.${part(claims)}`;
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}
