import { Pool } from 'undici';
import { type Clock, SECOND } from '../../../component/runtime/clock.ts';
import type { Credentials } from '../http/authentication.ts';
import { createConnector } from '../http/connector.ts';
import type { HttpProxy } from '../http/proxy.ts';
import { acquireToken, type Token } from './acquire-token.ts';
import { type OauthApplication, readApplication } from './application.ts';
import { TokenCache } from './token-cache.ts';

export type OauthOptions = OauthApplication & {
  /** Certificates (PEM) of authorities of TLS that are trusted besides the usual ones. */
  readonly ca?: string | undefined;
  /** The way to the OAuth authority, usually the same as to Exchange. */
  readonly proxy?: HttpProxy | undefined;
  /** In milliseconds: for a connection, and for getting a token altogether. */
  readonly limits?: { readonly connect?: number | undefined; readonly token?: number | undefined } | undefined;
  readonly clock: Clock;
};

/** What proves an application's identity, and can show alone whether it does. */
export interface OauthCredentials extends Credentials {
  /**
   * Gets a token that is used for nothing, and tells what it is like: for a check.
   *
   * @throws CalendarSourceError when there is none; the signal's reason when aborted
   */
  tryToken(signal: AbortSignal): Promise<TokenFacts>;
}

/** What may be told of a token. */
export type TokenFacts = {
  /** The host of the authority that gave it. */
  readonly authority: string;
  /** In milliseconds. */
  readonly lifetime: number;
  /** The application permissions in it; undefined when the token can't be read, which is its authority's business. */
  readonly roles: readonly string[] | undefined;
};

/**
 * OAuth 2.0 with the application's own rights (client credentials, RFC 6749 §4.4; RFC 6750 for the token).
 *
 * One token serves all connections. A 401 drops it: the request is sent once more with a new one, and what comes then is
 * the answer. A 401 that says when to come back speaks of load, not of the token.
 *
 * @throws RangeError when the application, the certificates or the proxy can't be used; the message holds no secret
 */
export function oauthCredentials(options: OauthOptions): OauthCredentials {
  const { ca, proxy, clock, limits = {} } = options;
  const application = readApplication(options);
  const connector = createConnector({ ca, proxy, clock, connectTimeout: limits.connect ?? 10 * SECOND });
  const acquire = (signal: AbortSignal): Promise<Token> =>
    acquireToken(application, { connector, clock, limit: limits.token ?? 30 * SECOND, signal });
  const tokens = new TokenCache(acquire, clock);

  return {
    scheme: 'oauth',
    async tryToken(signal) {
      const { value, acquiredAt, expiresAt } = await acquire(signal);
      return { authority: application.authority.host, lifetime: expiresAt - acquiredAt, roles: rolesOf(value) };
    },
    open(origin, poolOptions) {
      const pool = new Pool(origin, poolOptions);
      const leave = tokens.enter();
      return {
        async request({ headers, ...request }) {
          const send = (token: string) =>
            pool.request({ ...request, method: 'POST', headers: { ...headers, authorization: `Bearer ${token}` } });
          const token = await tokens.get(request.signal);
          const answer = await send(token);
          if (answer.statusCode !== 401 || answer.headers['retry-after'] !== undefined) return answer;
          await answer.body.dump();
          tokens.drop(token);
          return send(await tokens.get(request.signal));
        },
        destroy(reason) {
          leave(reason);
          return pool.destroy(reason);
        },
      };
    },
  };
}

/** The `roles` of a token that is a JWT (RFC 7519 §4), as Entra's are. They are only shown, so nothing is verified. */
function rolesOf(token: string): readonly string[] | undefined {
  const [, payload, signature] = token.split('.');
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const { roles } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { roles?: unknown };
    const words = [roles ?? []].flat().filter((role): role is string => typeof role === 'string');
    return words.filter((role) => /^[\w.-]{1,80}$/.test(role)).slice(0, 20);
  } catch {
    return undefined;
  }
}
