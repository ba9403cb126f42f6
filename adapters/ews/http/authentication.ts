import { type Dispatcher, Pool } from 'undici';

/** A request as the transport hands it to the connections; they add what proves our identity. */
export type UnsignedRequest = {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The longest silence within the answer, in milliseconds; 0 for no limit, none for that of the connections. */
  readonly bodyTimeout?: number;
  readonly signal: AbortSignal;
};

/** Connections to one server on which requests go out under one identity. */
export interface Connections {
  request(request: UnsignedRequest): Promise<Dispatcher.ResponseData>;
  /** Closes all connections at once; requests under way fail with the reason. */
  destroy(reason: Error): Promise<void>;
}

/**
 * A way to prove an identity to a server, as a port.
 *
 * It opens the connections itself, for not every scheme is a header: NTLM proves the identity of a connection, so that
 * each of its sockets must have shaken hands before a request may use it, and OAuth has to wait for a token first.
 * No implementation shows its secret in a property, an error or a log.
 */
export interface Credentials {
  readonly scheme: 'basic' | 'ntlm' | 'oauth';
  /**
   * @param options time limits, the number of connections and how one is made (`connect` of `createConnector`: TLS and a
   *   proxy), to be passed on to undici's Pool or Client
   */
  open(origin: string, options: Pool.Options): Connections;
}

/**
 * Basic authentication (RFC 7617), the user name and the password in UTF-8. The header goes with the first request
 * already: Exchange's EWS directory always asks, and a round trip that is answered 401 counts as a bad log-on.
 *
 * @throws RangeError when the user name has a colon, or either has a control character (RFC 7617 §2)
 */
export function basicCredentials(user: string, password: string): Credentials {
  if (user.includes(':')) throw new RangeError('A user name with a colon is not possible with Basic authentication');
  if (/\p{Cc}/u.test(user + password)) {
    throw new RangeError('The user name or the password has a control character, a line break at its end perhaps');
  }
  const authorization = `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;
  return {
    scheme: 'basic',
    open(origin, options) {
      const pool = new Pool(origin, options);
      return {
        request: ({ headers, ...request }) =>
          pool.request({ ...request, method: 'POST', headers: { ...headers, authorization } }),
        destroy: (reason) => pool.destroy(reason),
      };
    },
  };
}
