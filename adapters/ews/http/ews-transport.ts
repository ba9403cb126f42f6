import { StringDecoder } from 'node:string_decoder';
import type { Dispatcher, Pool } from 'undici';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { type Clock, SECOND } from '../../../component/runtime/clock.ts';
import { isLoopback } from '../../../component/runtime/loopback.ts';
import { ShortTurns } from '../xml/short-turns.ts';
import { readBody } from './answer-body.ts';
import type { Connections, Credentials } from './authentication.ts';
import { createConnector } from './connector.ts';
import { withDeadline } from './deadline.ts';
import { networkCode, networkError } from './network-error.ts';
import type { HttpProxy } from './proxy.ts';

/** Time limits in milliseconds, and the size limit of an answer. */
export type EwsLimits = {
  /** Proxy, TCP and TLS together. */
  readonly connect: number;
  /** From the request until the answer begins. */
  readonly headers: number;
  /** The longest silence within an answer. */
  readonly silence: number;
  /** The whole request, connecting and a second attempt included. */
  readonly request: number;
  /** The greatest answer, in bytes, as it comes and when it is decompressed. */
  readonly answerBytes: number;
};

export const defaultEwsLimits: EwsLimits = {
  connect: 10 * SECOND,
  headers: 30 * SECOND,
  silence: 15 * SECOND,
  request: 60 * SECOND,
  answerBytes: 32 * 1024 * 1024,
};

export type EwsTransportOptions = {
  /** The server's EWS address, `https://mail.example.com/EWS/Exchange.asmx`. */
  readonly url: string;
  readonly credentials: Credentials;
  /** Certificates (PEM) of authorities that are trusted besides the usual ones. */
  readonly ca?: string | undefined;
  readonly proxy?: HttpProxy | undefined;
  /** The most connections at once. */
  readonly connections: number;
  readonly limits?: Partial<EwsLimits> | undefined;
  readonly clock: Clock;
};

export type EwsRequest = {
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal: AbortSignal;
  /** Other limits than the transport's; Infinity for none. */
  readonly limits?: Partial<Pick<EwsLimits, 'request' | 'silence' | 'answerBytes'>> | undefined;
  /**
   * Called with the head as soon as it is there, before the first text. An answer that is followed so is asked for
   * uncompressed: compressors hold back what they have.
   */
  readonly onAnswer?: ((head: EwsAnswer) => void) | undefined;
};

/** The head of an HTTP answer. */
export type EwsAnswer = {
  readonly status: number;
  /** Names in lower case, values of a repeated header joined by `, `. */
  readonly headers: ReadonlyMap<string, string>;
  /** The values of Set-Cookie, which can't be joined. */
  readonly cookies: readonly string[];
  /** How the request proved our identity: what a 401 means depends on it. */
  readonly scheme: Credentials['scheme'];
};

/** HTTP to one Exchange server. */
export interface EwsTransport {
  readonly url: string;
  /**
   * Posts a SOAP message and hands the answer's text to `sink` as it arrives. Whatever the status: redirects are not
   * followed, errors are answers too.
   *
   * @throws CalendarSourceError `unreachable` or `malformed` when there is no (whole) answer; the signal's reason when
   *   aborted
   */
  post(request: EwsRequest, sink: (text: string) => void): Promise<EwsAnswer>;
  /** Closes all connections at once; requests under way fail as `unreachable`. */
  close(): Promise<void>;
}

/** Just under the two minutes after which IIS closes an idle connection. */
const KEEP_ALIVE = 100 * SECOND;

/**
 * Opens the transport to one server. Nothing is connected before the first request.
 *
 * @throws RangeError when the URL, the certificates or the proxy can't be used; the message holds no secret
 */
export function createEwsTransport(options: EwsTransportOptions): EwsTransport {
  const { ca, proxy, clock } = options;
  const url = parseEwsUrl(options.url);
  const limits = { ...defaultEwsLimits, ...options.limits };
  const closing = new AbortController();
  const { scheme } = options.credentials;
  const connections = options.credentials.open(url.origin, {
    connections: options.connections,
    keepAliveTimeout: KEEP_ALIVE,
    headersTimeout: limits.headers,
    connect: createConnector({ ca, proxy, connectTimeout: limits.connect, clock, signal: closing.signal }),
  } satisfies Pool.Options);

  return {
    url: url.href,
    post(request, sink) {
      const requestLimits = { ...limits, ...request.limits };
      return withDeadline(
        { clock, limit: requestLimits.request, signal: request.signal },
        () => tooSlow(url.host),
        async (signal) => {
          try {
            return await exchange(connections, url, { ...request, signal, limits: requestLimits, scheme }, sink);
          } catch (error) {
            throw error instanceof CalendarSourceError ? error : networkError(error, url.host);
          }
        },
      );
    },
    close() {
      const reason = new CalendarSourceError('unreachable', 'The connection to Exchange was closed');
      closing.abort(reason);
      return connections.destroy(reason);
    },
  };
}

/**
 * The address of an Exchange server.
 *
 * @throws RangeError when it is no http(s) URL, holds a user name or password, or is plain http to another machine:
 *   the password and everyone's calendar would cross the network readable
 */
export function parseEwsUrl(text: string): URL {
  if (!URL.canParse(text)) throw new RangeError('The EWS address is no URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') throw new RangeError('The EWS address holds a user name or password');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new RangeError('The EWS address is no https URL');
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new RangeError('The EWS address must be https, except on this machine itself');
  }
  return url;
}

/** Bytes of an answer that are read at once: of 64 KiB, as they come, a slow machine has 5 ms to do. */
const PIECE = 16 * 1024;

async function exchange(
  connections: Connections,
  url: URL,
  request: EwsRequest & { readonly limits: EwsLimits; readonly scheme: Credentials['scheme'] },
  sink: (text: string) => void,
): Promise<EwsAnswer> {
  const { silence, answerBytes } = request.limits;
  const response = await send(connections, {
    path: url.pathname + url.search,
    headers: {
      'content-type': 'text/xml; charset=utf-8',
      accept: 'text/xml',
      'accept-encoding': request.onAnswer === undefined ? 'gzip, deflate' : 'identity',
      'user-agent': 'presence-gateway',
      ...request.headers,
    },
    body: request.body,
    bodyTimeout: silence === Number.POSITIVE_INFINITY ? 0 : silence,
    signal: request.signal,
  });
  const answer = headOf(response, request.scheme);
  request.onAnswer?.(answer);
  // Not a TextDecoder: what that makes of a stream takes two bytes a character, and is read and made more slowly.
  const decoder = new StringDecoder('utf8');
  const turns = new ShortTurns();
  for await (const chunk of readBody(response.body, answer.headers.get('content-encoding'), answerBytes)) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      const piece = chunk.subarray(at, at + PIECE);
      await turns.run(() => sink(decoder.write(piece)));
    }
  }
  sink(decoder.end());
  return answer;
}

function headOf(response: Dispatcher.ResponseData, scheme: Credentials['scheme']): EwsAnswer {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers.set(name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value);
  }
  return { status: response.statusCode, headers, cookies: [response.headers['set-cookie'] ?? []].flat(), scheme };
}

/**
 * Sends a request; once more if the connection was cut before the answer began. A kept-alive connection that the
 * server closes at the very moment it is used fails so, and every EWS request of ours may be repeated.
 */
async function send(connections: Connections, request: Parameters<Connections['request']>[0]) {
  try {
    return await connections.request(request);
  } catch (error) {
    if (request.signal.aborted || !['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(networkCode(error))) throw error;
    return connections.request(request);
  }
}

function tooSlow(host: string): CalendarSourceError {
  return new CalendarSourceError('unreachable', `Exchange at ${host}: no whole answer in time`, { code: 'TIMEOUT' });
}
