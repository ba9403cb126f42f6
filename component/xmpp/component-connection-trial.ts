import { randomUUID } from 'node:crypto';
import xml from '@xmpp/xml';
import { type Clock, SECOND } from '../runtime/clock.ts';
import { type EndReport, reportEnd } from './component-connection-end.ts';
import { type ComponentSocketOptions, checkSocketOptions } from './component-connection-socket.ts';
import { ComponentStream } from './component-connection-stream.ts';
import { NS_PING } from './ping.ts';

export type ConnectionTrialOptions = ComponentSocketOptions & {
  readonly domain: string;
  readonly secret: string;
  readonly clock: Clock;
  /** Milliseconds for connecting, and as many for the ping; default 10,000. */
  readonly timeout?: number;
};

/** How far one attempt to connect came: to the answered ping, to the accepted handshake, or not so far, and why. */
export type ConnectionTrial =
  | { readonly reached: 'ping' }
  | { readonly reached: 'handshake' | 'nothing'; readonly end: EndReport };

/**
 * Connects as the component once (XEP-0114 §3), sends a ping through the server to the own domain (XEP-0199), and
 * closes the stream.
 *
 * Not while a gateway is connected: ejabberd takes a second connection beside the first, and splits the stanzas.
 *
 * @throws Error when plain text to a host that is not loopback was not allowed, or `tls.ca` holds no certificate
 */
export async function tryConnection(options: ConnectionTrialOptions): Promise<ConnectionTrial> {
  const { domain, clock, timeout = 10 * SECOND } = options;
  checkSocketOptions(options);
  const id = randomUUID();
  const ping = xml('iq', { type: 'get', from: domain, to: domain, id }, xml('ping', NS_PING));
  return await new Promise((resolve) => {
    let isOnline = false;
    const stream = new ComponentStream(
      { ...options, connectTimeout: timeout },
      {
        online: () => {
          isOnline = true;
          stream.write(ping.toString());
          limit.cancel();
          limit = clock.after(timeout, () => stream.end({ kind: 'unanswered', timeout }));
        },
        stanza: (stanza) => {
          // The server delivers our own question to us; an answer of whatever kind shows the way is open.
          if (stanza.attrs.id === id) finish({ reached: 'ping' });
        },
        heard: () => {},
        ended: (end) => finish({ reached: isOnline ? 'handshake' : 'nothing', end: reportEnd(end) }),
      },
    );
    let limit = clock.after(timeout + SECOND, () => stream.end({ kind: 'connect-timeout' }));
    const finish = (trial: ConnectionTrial) => {
      limit.cancel();
      resolve(trial);
      void stream.close();
    };
  });
}
