import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type Clock, DAY } from '../../component/runtime/clock.ts';
import type { CheckFinding } from './check-finding.ts';
import { withDeadline } from './deadline.ts';
import { ATTEMPT_TIMEOUT, trust } from './ews-transport.ts';
import { explainNetworkCode, networkCode } from './network-error.ts';

/** What the three steps below the log-on look at. */
export type NetworkTarget = {
  readonly url: URL;
  readonly ca: string | undefined;
  /** How long each step may take, in milliseconds. */
  readonly limit: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

/** A certificate that ends sooner is worth a word. */
const SOON = 21;

/** Does the name have addresses? */
export async function checkResolve(target: NetworkTarget): Promise<CheckFinding> {
  const host = hostOf(target);
  if (isIP(host) !== 0) return { step: 'resolve', ok: true, seen: `${host} is an address` };
  try {
    const found = await within(target, () => lookup(host, { all: true }));
    return { step: 'resolve', ok: true, seen: `${host} is ${found.map(({ address }) => address).join(', ')}` };
  } catch (error) {
    return failure('resolve', error, target);
  }
}

/** Does something listen there? */
export async function checkConnect(target: NetworkTarget): Promise<CheckFinding> {
  const started = target.clock.now();
  let socket: Socket | undefined;
  try {
    await within(target, () => {
      socket = connectTcp(addressOf(target));
      return opened(socket, 'connect');
    });
    const seen = `${socket?.remoteAddress} port ${portOf(target)} in ${target.clock.now() - started} ms`;
    return { step: 'connect', ok: true, seen };
  } catch (error) {
    return failure('connect', error, target);
  } finally {
    socket?.destroy();
  }
}

/** Who does the server say it is, who vouches for it, and for how long? Nothing is sent but the handshake. */
export async function checkTls(target: NetworkTarget): Promise<CheckFinding> {
  if (target.url.protocol === 'http:') return { step: 'tls', ok: true, seen: 'not used: the address is plain http' };
  const host = hostOf(target);
  let socket: TLSSocket | undefined;
  try {
    await within(target, () => {
      socket = connectTls({
        ...addressOf(target),
        ...(isIP(host) === 0 && { servername: host }),
        ...(target.ca !== undefined && { secureContext: trust(target.ca) }),
        // To be able to say what is wrong with it; the connection is only looked at.
        rejectUnauthorized: false,
      });
      return opened(socket, 'secureConnect');
    });
    return tlsFinding(socket as unknown as TLSSocket, target.clock);
  } catch (error) {
    return failure('tls', error, target);
  } finally {
    socket?.destroy();
  }
}

function tlsFinding(socket: TLSSocket, clock: Clock): CheckFinding {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return { step: 'tls', ok: false, seen: 'the server shows no certificate' };
  const days = Math.floor((Date.parse(certificate.validTo) - clock.now()) / DAY);
  const names = certificate.subjectAltName?.replaceAll('DNS:', '') ?? certificate.subject;
  const issuer = certificate.issuer.replaceAll('\n', ', ');
  const seen = `${socket.getProtocol()}, certificate for ${names}, issued by ${issuer}, ${days} days left`;
  if (!socket.authorized) {
    // Node declares an Error here, and hands out its code.
    const code = String(socket.authorizationError);
    return {
      step: 'tls',
      ok: false,
      seen: `${seen}; not trusted: ${code}`,
      advice: sentence(explainNetworkCode(code)),
    };
  }
  return days < SOON
    ? { step: 'tls', ok: true, seen, advice: 'Renew the certificate before it ends' }
    : { step: 'tls', ok: true, seen };
}

function failure(step: CheckFinding['step'], error: unknown, { signal, url }: NetworkTarget): CheckFinding {
  signal.throwIfAborted();
  const code = networkCode(error);
  return { step, ok: false, seen: `${url.host}: ${code}`, advice: sentence(explainNetworkCode(code)) };
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
    // It stays, so that an error after the step's end finds a listener.
    socket.on('error', reject);
  });
}

/** As the transport connects. */
function addressOf(target: NetworkTarget) {
  return { host: hostOf(target), port: portOf(target), autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT };
}

function hostOf({ url }: NetworkTarget): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function portOf({ url }: NetworkTarget): number {
  return Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
}
