// Access tokens as Exchange Online judges them: a signature of the authority, for this service, of this hour, with the
// right that an application needs.
// docs: RFC 6750 (Bearer), RFC 7519 §4.1 (claims), RFC 7515 (signatures), RFC 7517 (keys);
//       Authenticate an EWS application by using OAuth (full_access_as_app),
//       https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-authenticate-an-ews-application-by-using-oauth
//       x-ms-diagnostics 2000003 and 2000008 as seen: https://github.com/otris/ews-cpp/issues/148 ; the other codes and
//       the five minutes by which clocks may differ are from judgement.

import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';

export type OAuthSettings = {
  /** The `iss` of good tokens. */
  readonly issuer: string;
  /** The `aud` of good tokens. Default: https://outlook.office365.com */
  readonly audience?: string;
  /** The authority's public keys, or where they are (a jwks_uri, asked when it is needed). */
  readonly keys: readonly JsonWebKey[] | string;
};

/** The application that a token was given to, or what is wrong with it, as x-ms-diagnostics says it. */
export type Judgement =
  | { readonly application: string }
  | { readonly code: number; readonly reason: string; readonly category: string };

const ROLE = 'full_access_as_app';
const SKEW = 5 * 60;
/** By `alg`; those with a shared secret, and none at all, are not accepted. */
const digests: Readonly<Record<string, string>> = {
  RS256: 'sha256',
  RS384: 'sha384',
  RS512: 'sha512',
  ES256: 'sha256',
};
const KEYS_TIMEOUT = 5_000;

type Claims = Readonly<Record<string, unknown>>;

export class BearerTokens {
  readonly #settings: OAuthSettings;
  readonly #now: () => number;
  #keys = new Map<string, KeyObject>();

  /** @param now epoch milliseconds */
  constructor(settings: OAuthSettings, now: () => number) {
    this.#settings = settings;
    this.#now = now;
    if (typeof settings.keys !== 'string') this.#keys = readKeys(settings.keys);
  }

  /** What follows `Bearer` in WWW-Authenticate. */
  get challenge(): string {
    return (
      'client_id="00000002-0000-0ff1-ce00-000000000000", ' +
      `trusted_issuers="${this.#settings.issuer}", token_types="app_asserted_user_v1 service_asserted_app_v1", ` +
      `authorization_uri="${this.#settings.issuer}/oauth2/authorize"`
    );
  }

  async judge(token: string): Promise<Judgement> {
    const claims = await this.#verified(token);
    if (claims === undefined) return invalid(2000000, 'The token is malformed or its signature is not valid.');
    const now = this.#now() / 1000;
    if (typeof claims.exp !== 'number' || claims.exp + SKEW <= now) return invalid(2000001, 'The token has expired.');
    if (typeof claims.nbf === 'number' && claims.nbf - SKEW > now)
      return invalid(2000001, 'The token is not valid yet.');
    if (claims.iss !== this.#settings.issuer) return invalid(2000004, 'The issuer of the token is not trusted.');
    const { audience = 'https://outlook.office365.com' } = this.#settings;
    if (![claims.aud].flat().includes(audience)) {
      return { code: 2000003, reason: "The audience claim value is invalid 'aud'.", category: 'invalid_resource' };
    }
    if (![claims.roles].flat().includes(ROLE)) {
      const reason = 'The token contains no permissions, or permissions can not be understood.';
      return { code: 2000008, reason, category: 'invalid_grant' };
    }
    return { application: String(claims.appid ?? claims.azp ?? claims.client_id ?? claims.sub ?? '') };
  }

  async #verified(token: string): Promise<Claims | undefined> {
    const parts = token.split('.');
    const [head, body, signature] = parts;
    if (parts.length !== 3 || head === undefined || body === undefined || signature === undefined) return undefined;
    const { alg, kid } = readPart(head);
    const digest = digests[String(alg)];
    const key = digest === undefined ? undefined : await this.#key(String(kid ?? ''));
    if (digest === undefined || key === undefined) return undefined;
    if ((key.asymmetricKeyType === 'ec') !== String(alg).startsWith('ES')) return undefined;
    const good = verify(
      digest,
      Buffer.from(`${head}.${body}`),
      { key, dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature, 'base64url'),
    );
    return good ? readPart(body) : undefined;
  }

  async #key(id: string): Promise<KeyObject | undefined> {
    const { keys } = this.#settings;
    // A key that is not known yet: the authority has changed over to a new one.
    if (!this.#keys.has(id) && typeof keys === 'string') {
      this.#keys = await fetchKeys(keys);
    }
    return this.#keys.get(id);
  }
}

/** None when they can't be had: a service that can't verify a token refuses it. */
async function fetchKeys(url: string): Promise<Map<string, KeyObject>> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(KEYS_TIMEOUT) });
    return readKeys(((await response.json()) as { keys: readonly JsonWebKey[] }).keys);
  } catch {
    return new Map();
  }
}

function invalid(code: number, reason: string): Judgement {
  return { code, reason, category: 'invalid_token' };
}

function readKeys(keys: readonly JsonWebKey[]): Map<string, KeyObject> {
  return new Map(keys.map((key) => [String(key.kid ?? ''), createPublicKey({ key, format: 'jwk' })]));
}

function readPart(part: string): Claims {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Claims) : {};
  } catch {
    return {};
  }
}
