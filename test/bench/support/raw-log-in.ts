// The way of a client on a bare TCP socket into its session: stream, SASL PLAIN, a resource, initial presence.

import { connect, type Socket } from 'node:net';

export type RawAccount = { port: number; domain: string; username: string; password: string };

export interface RawSession {
  /** The full JID that the server bound. */
  readonly jid: string;
  /** Gives text; what came during the log-in is not among it. */
  readonly socket: Socket;
  stop(): Promise<void>;
}

const LIMIT = 30_000;

/** Logs in on 127.0.0.1 and becomes available. `encoding`: latin1 costs less where nobody reads the characters. */
export async function logInRaw(account: RawAccount, encoding: 'utf8' | 'latin1' = 'utf8'): Promise<RawSession> {
  const { port, domain, username, password } = account;
  const socket = connect(port, '127.0.0.1').setNoDelay(true).setEncoding(encoding);
  // A reset is seen as the closing that follows.
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  let text = '';
  const listeners = new Set<() => void>();
  const hear = (chunk = ''): void => {
    text += chunk;
    for (const listener of [...listeners]) listener();
  };
  socket.on('data', hear).on('close', () => hear());

  const ask = async (request: string, answer: RegExp): Promise<string> => {
    text = '';
    socket.write(request);
    const probe = () => answer.exec(text)?.[1];
    return until({ socket, listeners, limit: LIMIT, probe }).catch((error) => {
      throw new Error(`${username}: no ${answer} after ${request.slice(0, 60)}: ${error.message}`);
    });
  };
  const header = `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='${domain}'>`;
  try {
    await ask(header, /(<\/stream:features>)/);
    const token = Buffer.from(`\0${username}\0${password}`).toString('base64');
    await ask(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${token}</auth>`, /(<success)/);
    await ask(header, /(<\/stream:features>)/);
    const bind = "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
    const jid = await ask(bind, /<jid>([^<]+)<\/jid>/);
    await ask("<presence id='first'/>", /(id=['"]first['"])/);
    socket.off('data', hear);
    return {
      jid,
      socket,
      async stop() {
        socket.end('</stream:stream>');
        const timer = setTimeout(() => socket.destroy(), 1_000);
        await closed;
        clearTimeout(timer);
      },
    };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

export type Waiting<Found> = {
  readonly socket: Socket;
  /** Where to be called whenever there is something new. */
  readonly listeners: Set<() => void>;
  /** In milliseconds. */
  readonly limit: number;
  readonly probe: () => Found | undefined;
};

/** Resolves with what the probe finds; rejects when the socket is closed, or too late. */
export function until<Found>({ socket, listeners, limit, probe }: Waiting<Found>): Promise<Found> {
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      clearTimeout(timer);
      listeners.delete(check);
    };
    const fail = (why: string): void => {
      finish();
      reject(new Error(why));
    };
    const check = (): void => {
      const found = probe();
      if (found !== undefined) {
        finish();
        resolve(found);
      } else if (socket.closed) {
        fail('the connection was closed');
      }
    };
    const timer = setTimeout(() => fail(`not within ${limit} ms`), limit);
    listeners.add(check);
    check();
  });
}
