import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { explainNetworkError, networkCode } from './network-error.ts';

/** An HTTP proxy, as it is configured. */
export type HttpProxy = {
  /** `http://proxy.example.com:3128`, or https. Without a port it is 80 or 443. */
  readonly url: string;
  /** For Basic authentication, which is readable on the way to a proxy with http. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
};

/** A proxy that can be used. */
export type ProxyRoute = {
  /** Host and port, for people. */
  readonly host: string;
  readonly target: { readonly hostname: string; readonly protocol: string; readonly port: string };
  readonly authorization: string | undefined;
};

/** @throws RangeError when the proxy can't be used; the message holds no secret */
export function readProxy({ url: text, username = '', password = '' }: HttpProxy): ProxyRoute {
  if (!URL.canParse(text)) throw new RangeError("The proxy's address is no URL");
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new RangeError("The proxy's address is no http or https URL: other kinds of proxies are not supported");
  }
  if (url.username !== '' || url.password !== '') {
    throw new RangeError("The proxy's address holds a user name or password: they are options of their own");
  }
  if (username.includes(':')) throw new RangeError('A user name with a colon is not possible with a proxy');
  if (/\p{Cc}/u.test(username + password)) {
    throw new RangeError("The proxy's user name or password has a control character, a line break at its end perhaps");
  }
  return {
    host: url.host,
    target: { hostname: url.hostname.replace(/^\[|\]$/g, ''), protocol: url.protocol, port: url.port },
    authorization:
      username === '' ? undefined : `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`,
  };
}

/**
 * Asks a proxy for a tunnel (RFC 9110 §9.3.6, CONNECT).
 *
 * @param carrier the connection to the proxy; it is destroyed when there is no tunnel or `ending` fires before
 * @param authority host and port at the tunnel's other end
 * @throws CalendarSourceError `unreachable` when it refuses; what Node throws when the connection fails
 */
export function requestTunnel(
  proxy: ProxyRoute,
  carrier: Socket,
  authority: string,
  ending: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      method: 'CONNECT',
      path: authority,
      headers: {
        host: authority,
        'user-agent': 'presence-gateway',
        // Node would write `close`, which some proxies take for the tunnel's end.
        connection: 'keep-alive',
        ...(proxy.authorization !== undefined && { 'proxy-authorization': proxy.authorization }),
      },
      createConnection: () => carrier,
    });
    const giveUp = () => request.destroy(ending.reason as Error);
    ending.addEventListener('abort', giveUp, { once: true });
    request.once('error', (error) => {
      ending.removeEventListener('abort', giveUp);
      carrier.destroy();
      reject(error);
    });
    // Whatever the status: an answer to CONNECT has no body.
    request.once('connect', (answer, _socket, head) => {
      ending.removeEventListener('abort', giveUp);
      const status = answer.statusCode ?? 0;
      if (status < 200 || status > 299) {
        carrier.destroy();
        reject(refusal(proxy, answer, authority));
        return;
      }
      if (head.length > 0) carrier.unshift(head);
      resolve(carrier);
    });
    request.end();
    if (ending.aborted) giveUp();
  });
}

/** A failure on the way to the proxy, or at it, as one that names it. */
export function proxyError(proxy: ProxyRoute, cause: unknown): CalendarSourceError {
  if (cause instanceof CalendarSourceError) return cause;
  const code = networkCode(cause);
  return unreachable(proxy, explainNetworkError(cause), { code: `PROXY_${code}`, cause });
}

function refusal(proxy: ProxyRoute, { statusCode = 0, headers }: IncomingMessage, authority: string) {
  const fail = (text: string) => unreachable(proxy, text, { code: `PROXY_HTTP_${statusCode}` });
  switch (statusCode) {
    case 407: {
      const offered = String(headers['proxy-authenticate'] ?? '').match(/\b(Basic|Digest|NTLM|Negotiate)\b/gi) ?? [];
      const schemes = [...new Set(offered)].join(', ');
      if (schemes !== '' && !/basic/i.test(schemes)) {
        return fail(`it asks for a log-in with ${schemes} (HTTP 407); only Basic is possible here: enable it there`);
      }
      if (proxy.authorization === undefined) {
        return fail('it asks for a log-in (HTTP 407): configure its user name and password');
      }
      // Its account can be locked by wrong passwords as well as any.
      const text = `The proxy at ${proxy.host}: it refuses the user name or the password (HTTP 407): check them`;
      return new CalendarSourceError('proxy-unauthorized', text, { code: `PROXY_HTTP_${statusCode}` });
    }
    case 401:
    case 403:
      return fail(`it does not let this machine connect to ${authority} (HTTP ${statusCode}): allow it there`);
    case 404:
    case 405:
    case 501:
      return fail(`it opens no tunnels (HTTP ${statusCode}): check that this is the address of an HTTP proxy`);
    case 500:
    case 502:
    case 503:
    case 504:
      return fail(`it does not reach ${authority} (HTTP ${statusCode}): check its name service and its firewall`);
    default:
      return fail(`it answers HTTP ${statusCode} instead of opening a tunnel to ${authority}`);
  }
}

function unreachable({ host }: ProxyRoute, text: string, options: { code: string; cause?: unknown }) {
  return new CalendarSourceError('unreachable', `The proxy at ${host}: ${text}`, options);
}
