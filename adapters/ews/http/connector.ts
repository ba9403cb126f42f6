import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type DetailedPeerCertificate, type SecureContext, type TLSSocket } from 'node:tls';
import { type buildConnector, errors } from 'undici';
import { type Clock, HOUR, MINUTE, SECOND, type Timer } from '../../../component/runtime/clock.ts';
import { withDeadline } from './deadline.ts';
import { certificateError } from './network-error.ts';
import { type HttpProxy, type ProxyRoute, proxyError, readProxy, requestTunnel } from './proxy.ts';
import { trust } from './trust.ts';

/** Makes the connections for undici's Pool and Client: their option `connect`. */
export type Connector = buildConnector.connector;

export type ConnectorOptions = {
  /** Certificates (PEM) of authorities that are trusted besides the usual ones. */
  readonly ca?: string | undefined;
  readonly proxy?: HttpProxy | undefined;
  /** For a whole connection, in milliseconds: proxy, TCP and TLS together. */
  readonly connectTimeout: number;
  readonly clock: Clock;
  /** Ends the connections that are being made; those that are made belong to undici. */
  readonly signal?: AbortSignal | undefined;
};

/** Where a connection goes, in undici's words. */
type Target = Pick<buildConnector.Options, 'hostname' | 'protocol' | 'port' | 'servername'>;

/** Node's 250 ms for each but the last of a name's addresses are too few over a distant VPN. */
export const ATTEMPT_TIMEOUT = 2 * SECOND;

/**
 * How connections to Exchange, and to whom it trusts, are made: directly or through a proxy, over verified TLS.
 *
 * A certificate that expires while we run is refused from then on: TLS sessions are not resumed, which undici's own
 * connector does, for a resumed session is not verified again; and a connection ends with its certificate.
 *
 * @throws RangeError when the certificates or the proxy can't be used; the message holds no secret
 */
export function createConnector(options: ConnectorOptions): Connector {
  const route = readRoute(options);
  const signal = options.signal ?? new AbortController().signal;
  return (target, callback) => {
    dial({ ...options, ...route, signal }, target).then(
      (socket) => callback(null, socket),
      (error: Error) => callback(error, null),
    );
  };
}

/**
 * Opens a tunnel to `url`'s host and port through the proxy, and nothing in it.
 *
 * @throws RangeError when there is no proxy, or it can't be used; CalendarSourceError `unreachable` when it does not let
 *   us through; the signal's reason when aborted
 */
export async function openTunnel(options: ConnectorOptions & { readonly signal: AbortSignal }, url: URL) {
  const route = readRoute(options);
  if (route.proxy === undefined) throw new RangeError('There is no proxy');
  const { hostname, port } = url;
  const target = { hostname: hostname.replace(/^\[|\]$/g, ''), port: port || defaultPort(url.protocol) };
  // What is opened to an http address is the tunnel itself.
  return dial({ ...options, ...route }, { ...target, protocol: 'http:' });
}

type Route = { readonly proxy: ProxyRoute | undefined; readonly secureContext: SecureContext | undefined };

function readRoute({ ca, proxy }: ConnectorOptions): Route {
  return {
    proxy: proxy === undefined ? undefined : readProxy(proxy),
    secureContext: ca === undefined ? undefined : trust(ca),
  };
}

type Dialling = Route & Pick<ConnectorOptions, 'connectTimeout' | 'clock'> & { readonly signal: AbortSignal };

function dial(dialling: Dialling, target: Target): Promise<Socket> {
  const { proxy, connectTimeout, clock, signal } = dialling;
  const tooLate = (): Error => new errors.ConnectTimeoutError();
  const limits = { clock, limit: connectTimeout, signal };
  if (proxy === undefined) return withDeadline(limits, tooLate, (ending) => open(dialling, target, ending));
  let isAtProxy = true;
  return withDeadline(
    limits,
    () => (isAtProxy ? proxyError(proxy, tooLate()) : tooLate()),
    async (ending) => {
      let tunnel: Socket;
      try {
        const carrier = await open(dialling, proxy.target, ending);
        tunnel = await requestTunnel(proxy, carrier, authorityOf(target), ending);
      } catch (error) {
        throw proxyError(proxy, error);
      }
      isAtProxy = false;
      return target.protocol === 'https:' ? open(dialling, target, ending, tunnel) : tunnel;
    },
  );
}

/** A connection looks at the clock at least so often: timers stand still while a machine sleeps. */
const LOOK = HOUR;

/**
 * Cuts a connection when its certificate's time is over. One that is never idle would live on, and never be verified
 * again: whoever asks next meets the refusal.
 */
function endWithCertificate(socket: TLSSocket, clock: Clock): void {
  // Its last second is good.
  const until = Date.parse(socket.getPeerCertificate().valid_to) + SECOND;
  // OpenSSL goes by the machine's clock and has taken it.
  if (!(until > clock.now())) return;
  let timer: Timer | undefined;
  const look = () => {
    const left = until - clock.now();
    if (left > 0) {
      timer = clock.after(Math.min(left, LOOK), look);
      return;
    }
    const expired = Object.assign(new Error('The certificate has expired'), { code: 'CERT_HAS_EXPIRED' });
    socket.destroy(certificateError(expired, socket.getPeerCertificate(true), clock.now()));
  };
  look();
  socket.once('close', () => timer?.cancel());
}

/** Opens a connection, within a tunnel where there is one; it is destroyed when `ending` fires before it is open. */
async function open(
  { secureContext, clock }: Dialling,
  { hostname, protocol, port, servername }: Target,
  ending: AbortSignal,
  tunnel?: Socket,
): Promise<Socket> {
  const address = {
    host: hostname,
    port: Number(port || defaultPort(protocol)),
    autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT,
    // As much as the kernel hands over at once, as undici does it.
    highWaterMark: 64 * 1024,
  };
  if (protocol !== 'https:') return opened(connectTcp(address), 'connect', ending);
  const socket = connectTls({
    ...address,
    servername: servername || (isIP(hostname) === 0 ? hostname : ''),
    ALPNProtocols: ['http/1.1'],
    ...(secureContext !== undefined && { secureContext }),
    ...(tunnel !== undefined && { socket: tunnel }),
  });
  let shown: DetailedPeerCertificate | undefined;
  // Node looks at the certificate in its own listener, and has closed the connection when it tells what is wrong. The
  // event is not documented: should it go, only the certificate's date and names are missing from the error. Not
  // getPeerX509Certificate: it takes the certificate away (Node 20.20), and Node's own look at the names finds none.
  socket.prependListener('secure', () => {
    shown = socket.getPeerCertificate(true);
  });
  try {
    await opened(socket, 'secureConnect', ending);
    endWithCertificate(socket, clock);
    return socket;
  } catch (error) {
    throw shown === undefined ? error : certificateError(error as Error, shown, clock.now());
  } finally {
    // The listener lives as long as the connection; a chain of certificates need not.
    shown = undefined;
  }
}

function opened(socket: Socket, event: 'connect' | 'secureConnect', ending: AbortSignal): Promise<Socket> {
  socket.setNoDelay(true).setKeepAlive(true, MINUTE);
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      socket.destroy();
      reject(ending.reason as Error);
    };
    const fail = (error: Error) => {
      ending.removeEventListener('abort', giveUp);
      reject(error);
    };
    ending.addEventListener('abort', giveUp, { once: true });
    // They stay, so that an error later finds a listener.
    socket.on('error', fail);
    socket.on('close', () => fail(Object.assign(new Error('The connection was closed'), { code: 'ECONNRESET' })));
    socket.once(event, () => {
      ending.removeEventListener('abort', giveUp);
      resolve(socket);
    });
    if (ending.aborted) giveUp();
  });
}

function authorityOf({ hostname, protocol, port }: Target): string {
  return `${isIP(hostname) === 6 ? `[${hostname}]` : hostname}:${port || defaultPort(protocol)}`;
}

function defaultPort(protocol: string): string {
  return protocol === 'https:' ? '443' : '80';
}
