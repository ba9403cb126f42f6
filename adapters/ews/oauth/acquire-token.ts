import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { type Clock, type Instant, SECOND } from '../../../component/runtime/clock.ts';
import type { Connector } from '../http/connector.ts';
import { withDeadline } from '../http/deadline.ts';
import type { Application } from './application.ts';
import { AuthorityHttp } from './authority-http.ts';

/** An access token. Keep it where nothing shows it. */
export type Token = {
  readonly value: string;
  readonly acquiredAt: Instant;
  readonly expiresAt: Instant;
};

export type AcquireOptions = {
  readonly connector: Connector;
  readonly clock: Clock;
  /** For all of it, in milliseconds. */
  readonly limit: number;
  readonly signal: AbortSignal;
};

/**
 * Gets an access token for the application itself (RFC 6749 §4.4, client credentials), by msal.
 *
 * msal is loaded here, and not before it is needed: that takes 0.1 s and 17 MB. One of its applications gets one token:
 * it keeps tokens, throttling and retries of its own, and there shall be one of each.
 *
 * @throws CalendarSourceError `unauthorized`, `throttled`, `unreachable` or `malformed`, without secret and token; the
 *   signal's reason when aborted
 */
export function acquireToken(application: Application, options: AcquireOptions): Promise<Token> {
  const { authority } = application;
  const { clock } = options;
  const tooLate = () =>
    new CalendarSourceError('unreachable', `The authority ${authority.host}: no token in time`, { code: 'TIMEOUT' });
  return withDeadline(options, tooLate, async (signal) => {
    const { ConfidentialClientApplication } = await import('@azure/msal-node');
    const http = new AuthorityHttp(application, options.connector, clock, signal);
    const acquiredAt = clock.now();
    try {
      const client = new ConfidentialClientApplication({
        auth: {
          clientId: application.clientId,
          authority: `${authority.origin}/${application.tenant}`,
          // Else it asks Microsoft's worldwide cloud whether this is an authority.
          knownAuthorities: [authority.host],
          ...application.secrets(),
        },
        // Its log goes nowhere by default.
        system: { networkClient: http, disableInternalRetries: true },
      });
      const result = await client.acquireTokenByClientCredential({ scopes: [application.scope] });
      if (!result?.accessToken || http.expiresIn === undefined) throw new Error('No token');
      return { value: result.accessToken, acquiredAt, expiresAt: acquiredAt + http.expiresIn * SECOND };
    } catch {
      // msal's own error stays out: it may quote the answer, with the token in it.
      throw (
        http.failure ??
        new CalendarSourceError(
          'malformed',
          `The authority ${authority.host}: its answer holds no token that we can use`,
        )
      );
    } finally {
      await http.close();
    }
  });
}
