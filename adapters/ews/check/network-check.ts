import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { Clock } from '../../../component/runtime/clock.ts';
import { ATTEMPT_TIMEOUT, openTunnel } from '../http/connector.ts';
import { withDeadline } from '../http/deadline.ts';
import { explainNetworkCode, networkCode } from '../http/network-error.ts';
import type { HttpProxy } from '../http/proxy.ts';
import { trust } from '../http/trust.ts';
import { certificateFinding } from './certificate-check.ts';
import type { CheckFinding, CheckStep, Findings } from './check-finding.ts';

/** What the steps below HTTP look at. */
export type NetworkTarget = {
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** Whether TLS is to be spoken from the first byte on; undefined: not at all. `ca`: PEM. */
  readonly tls: { readonly ca: string | undefined; readonly onlyCa?: boolean } | undefined;
  readonly proxy?: HttpProxy | undefined;
  /** How long each step may take, in milliseconds. */
  readonly limit: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

/** The target that an address stands for. */
export function targetOf(url: URL): Pick<NetworkTarget, 'host' | 'port'> {
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port };
}

/**
 * Name, connection, proxy, TLS. After a step that failed there is none; nothing is sent but the handshakes.
 *
 * With a proxy the first two are about the proxy: it alone knows the server's address.
 *
 * @throws the signal's reason when aborted
 */
export async function* checkNetwork(target: NetworkTarget): Findings {
  const { proxy } = target;
  const first = proxy === undefined ? target : { ...target, ...targetOf(new URL(proxy.url)) };
  const checks = [
    async () => ofProxy(proxy, await checkResolve(first)),
    async () => ofProxy(proxy, await checkConnect(first)),
    ...(proxy === undefined ? [] : [() => checkProxy(target, proxy)]),
    () => checkTls(target),
  ];
  for (const check of checks) {
    const finding = await check();
    target.signal.throwIfAborted();
    yield finding;
    if (finding.severity === 'error') return;
  }
}

/** A failure on the way to the proxy says nothing of the server's URL, nor of its IIS. */
function ofProxy(proxy: HttpProxy | undefined, finding: CheckFinding): CheckFinding {
  if (proxy === undefined || finding.severity !== 'error') return finding;
  const advice = 'Check the address in proxy.url, DNS and firewall on the way to it, and that the proxy runs';
  return { ...finding, seen: `the proxy ${finding.seen}`, advice };
}

/** Does the name have addresses? */
async function checkResolve(target: NetworkTarget): Promise<CheckFinding> {
  const { host } = target;
  if (isIP(host) !== 0) return { step: 'resolve', severity: 'ok', seen: `${host} is an address` };
  try {
    const found = await within(target, () => lookup(host, { all: true }));
    const addresses = [...new Set(found.map(({ address }) => address))];
    const several = addresses.length > 1 ? ' (the first that answers is taken)' : '';
    return { step: 'resolve', severity: 'ok', seen: `${host} is ${addresses.join(', ')}${several}` };
  } catch (error) {
    return failure('resolve', error, target);
  }
}

/** Does something listen there? */
async function checkConnect(target: NetworkTarget): Promise<CheckFinding> {
  const started = target.clock.now();
  let socket: Socket | undefined;
  try {
    await within(target, () => {
      socket = connectTcp(addressOf(target));
      return opened(socket, 'connect');
    });
    const seen = `${socket?.remoteAddress} port ${target.port} in ${target.clock.now() - started} ms`;
    return { step: 'connect', severity: 'ok', seen };
  } catch (error) {
    return failure('connect', error, target);
  } finally {
    socket?.destroy();
  }
}

/** Does the proxy let us through to the server? */
async function checkProxy(target: NetworkTarget, proxy: HttpProxy): Promise<CheckFinding> {
  const place = `${new URL(proxy.url).host}`;
  let tunnel: Socket | undefined;
  try {
    tunnel = await tunnelTo(target, proxy);
    return { step: 'proxy', severity: 'ok', seen: `${place} opens a tunnel to ${target.host}:${target.port}` };
  } catch (error) {
    target.signal.throwIfAborted();
    if (!(error instanceof CalendarSourceError)) return failure('proxy', error, target);
    return {
      step: 'proxy',
      severity: 'error',
      seen: error.message,
      advice: 'Mend the proxy, or what is configured of it',
    };
  } finally {
    tunnel?.destroy();
  }
}

/** Who does the server say it is, who vouches for it, and for how long? */
async function checkTls(target: NetworkTarget): Promise<CheckFinding> {
  const { tls, host, proxy } = target;
  if (tls === undefined) return { step: 'tls', severity: 'ok', seen: 'not used: the connection is not encrypted' };
  let socket: TLSSocket | undefined;
  let tunnel: Socket | undefined;
  try {
    tunnel = proxy === undefined ? undefined : await tunnelTo(target, proxy);
    await within(target, () => {
      socket = connectTls({
        ...addressOf(target),
        ...(isIP(host) === 0 && { servername: host }),
        ...authorities(tls),
        ...(tunnel !== undefined && { socket: tunnel }),
        // To be able to say what is wrong with it; the connection is only looked at.
        rejectUnauthorized: false,
      });
      return opened(socket, 'secureConnect');
    });
    return certificateFinding(socket as unknown as TLSSocket, target.clock.now());
  } catch (error) {
    return failure('tls', error, target);
  } finally {
    socket?.destroy();
    tunnel?.destroy();
  }
}

/** As the connections in earnest trust: Exchange's authorities besides the usual ones, the XMPP server's instead. */
function authorities({ ca, onlyCa = false }: NonNullable<NetworkTarget['tls']>) {
  if (ca === undefined) return {};
  return onlyCa ? { ca } : { secureContext: trust(ca) };
}

function tunnelTo(target: NetworkTarget, proxy: HttpProxy): Promise<Socket> {
  const { host, port, clock, signal, limit } = target;
  const authority = host.includes(':') ? `[${host}]` : host;
  return openTunnel({ proxy, clock, signal, connectTimeout: limit }, new URL(`https://${authority}:${port}`));
}

function failure(step: CheckStep, error: unknown, { signal, host, port }: NetworkTarget): CheckFinding {
  signal.throwIfAborted();
  const code = networkCode(error);
  const seen = step === 'resolve' ? `${host}: ${code}` : `${host} port ${port}: ${code}`;
  return { step, severity: 'error', seen, advice: sentence(explainNetworkCode(code)) };
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function within<Result>(target: NetworkTarget, run: () => Promise<Result>): Promise<Result> {
  return withDeadline(target, () => Object.assign(new Error('Too slow'), { code: 'ETIMEDOUT' }), run);
}

function opened(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve());
    // They stay, so that an error after the step's end finds a listener.
    socket.on('error', reject);
    socket.on('close', () => reject(Object.assign(new Error('The connection was closed'), { code: 'ECONNRESET' })));
  });
}

/** As the transport connects. */
function addressOf({ host, port }: NetworkTarget) {
  return { host, port, autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT };
}
