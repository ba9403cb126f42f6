import { X509Certificate } from 'node:crypto';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { Pool } from 'undici';
import { CalendarSourceError } from '../../component/calendar/calendar-source-error.ts';
import { type Clock, SECOND } from '../../component/runtime/clock.ts';
import { isLoopback } from '../../component/runtime/loopback.ts';
import type { Connections, Credentials } from './authentication.ts';
import { withDeadline } from './deadline.ts';
import { networkCode, networkError } from './network-error.ts';

/** Time limits in milliseconds, and the size limit of an answer. */
export type EwsLimits = {
  /** TCP and TLS together. */
  readonly connect: number;
  /** From the request until the answer begins. */
  readonly headers: number;
  /** The longest silence within an answer. */
  readonly silence: number;
  /** The whole request, connecting and a second attempt included. */
  readonly request: number;
  /** The greatest answer, in bytes. */
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
  /** The most connections at once. */
  readonly connections: number;
  readonly limits?: Partial<EwsLimits> | undefined;
  readonly clock: Clock;
};

type EwsRequest = {
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
};

/** The head of an HTTP answer; header names are in lower case, values of a repeated header joined by `, `. */
export type EwsAnswer = { readonly status: number; readonly headers: ReadonlyMap<string, string> };

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

/** Node's 250 ms for each but the last of a name's addresses are too few over a distant VPN. */
export const ATTEMPT_TIMEOUT = 2 * SECOND;

/**
 * Opens the transport to one server. Nothing is connected before the first request.
 *
 * @throws RangeError when the URL or the certificates can't be used; the message holds no secret
 */
export function createEwsTransport(options: EwsTransportOptions): EwsTransport {
  const url = parseEwsUrl(options.url);
  const limits = { ...defaultEwsLimits, ...options.limits };
  const secureContext = options.ca === undefined ? undefined : trust(options.ca);
  const connections = options.credentials.open(url.origin, {
    connections: options.connections,
    keepAliveTimeout: KEEP_ALIVE,
    headersTimeout: limits.headers,
    bodyTimeout: limits.silence,
    maxResponseSize: limits.answerBytes,
    connect: {
      timeout: limits.connect,
      // Here and not one level up: there undici drops it unless `autoSelectFamily` stands beside it.
      autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT,
      ...(secureContext !== undefined && { secureContext }),
    },
  } satisfies Pool.Options);

  return {
    url: url.href,
    post: (request, sink) =>
      withDeadline(
        { clock: options.clock, limit: limits.request, signal: request.signal },
        () => tooSlow(url.host),
        async (signal) => {
          try {
            return await exchange(connections, url, { ...request, signal }, sink);
          } catch (error) {
            throw error instanceof CalendarSourceError ? error : networkError(error, url.host);
          }
        },
      ),
    close: () => connections.destroy(new CalendarSourceError('unreachable', 'The connection to Exchange was closed')),
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

/**
 * The usual authorities and some more.
 *
 * Built once: Node would parse all certificates anew for each connection.
 *
 * @throws RangeError when the text holds no certificate, or a damaged one: OpenSSL ignores both without a word
 */
export function trust(pem: string): SecureContext {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs) ?? [];
  if (certificates.length === 0) throw new RangeError('`ca` holds no certificate in PEM form');
  for (const certificate of certificates) {
    try {
      new X509Certificate(certificate);
    } catch (cause) {
      throw new RangeError('`ca` holds a certificate that can not be read', { cause });
    }
  }
  return createSecureContext({ ca: [...rootCertificates, ...certificates] });
}

async function exchange(
  connections: Connections,
  url: URL,
  request: EwsRequest,
  sink: (text: string) => void,
): Promise<EwsAnswer> {
  const response = await send(connections, {
    path: url.pathname + url.search,
    headers: {
      'content-type': 'text/xml; charset=utf-8',
      accept: 'text/xml',
      'user-agent': 'presence-gateway',
      ...request.headers,
    },
    body: request.body,
    signal: request.signal,
  });
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers.set(name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value);
  }
  // A proxy may compress though nobody asked; the bytes would only look like a damaged message.
  const encoding = headers.get('content-encoding') ?? 'identity';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    if (encoding === 'identity') sink(decoder.decode(chunk, { stream: true }));
  }
  if (encoding !== 'identity') {
    throw new CalendarSourceError('malformed', `Exchange at ${url.host}: the answer is compressed (${encoding})`);
  }
  sink(decoder.decode());
  return { status: response.statusCode, headers };
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
