import { X509Certificate } from 'node:crypto';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { isLoopback } from '../runtime/loopback.ts';

export type ComponentTlsOptions = {
  /** Trusted authorities in PEM, instead of the public ones. */
  readonly ca?: string | undefined;
  /** The name that the certificate must bear, when it is not the host that is connected to. */
  readonly servername?: string | undefined;
};

export type ComponentSocketOptions = {
  readonly host: string;
  readonly port: number;
  readonly tls?: ComponentTlsOptions | undefined;
  readonly plaintext?: boolean | undefined;
};

const KEEP_ALIVE_DELAY = 60_000;
/** Node's 250 ms for each but the last of a name's addresses are too few over a distant VPN. */
const ATTEMPT_TIMEOUT = 2_000;

/**
 * Refuses what no connection should be tried with.
 *
 * @throws Error when the secret's digest and all presence would cross a network in plain text unasked, or when
 * `tls.ca` holds no certificate
 */
export function checkSocketOptions({ host, tls, plaintext }: ComponentSocketOptions): void {
  if (tls === undefined && plaintext !== true && !isLoopback(host)) {
    throw new Error(
      `The connection to ${host} would be plain text over a network. Switch tls on (ejabberd: "tls: true" at the ` +
        'ejabberd_service listener), or allow it with "plaintext: true" if the network is trusted.',
    );
  }
  if (tls?.ca !== undefined) assertAuthorities(tls.ca);
}

function assertAuthorities(ca: string): void {
  try {
    // Node takes any text for authorities, and with none in it trusts nobody and says nothing.
    new X509Certificate(ca);
  } catch (cause) {
    throw new Error('tls.ca holds no certificate in PEM', { cause });
  }
}

/**
 * Starts to connect, and calls `ready` when bytes can be written: after the TCP handshake, with TLS after the
 * certificate was verified. TLS is direct, as ejabberd_service speaks it with `tls: true`: XEP-0114 has no STARTTLS.
 * Errors are the socket's `error` event.
 */
export function openComponentSocket(options: ComponentSocketOptions, ready: () => void): Socket {
  const { host, port, tls } = options;
  const address = { host, port, autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT };
  const socket =
    tls === undefined
      ? connectTcp(address, ready)
      : connectTls(
          {
            ...address,
            rejectUnauthorized: true,
            // Server Name Indication has no place for an address (RFC 6066 §3).
            ...(tls.servername !== undefined || isIP(host) === 0 ? { servername: tls.servername ?? host } : {}),
            ...(tls.ca === undefined ? {} : { ca: tls.ca }),
          },
          ready,
        );
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_DELAY);
  // xmpp.js decodes chunk by chunk: a character split over two chunks became two U+FFFD. Let the socket decode.
  socket.setEncoding('utf8');
  return socket;
}
