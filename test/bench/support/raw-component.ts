// A component on a bare TCP socket (XEP-0114), without any XMPP library: what can not be undercut, as the floor of
// benchmarks, and for tests that must see the wire as it is.

import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export type RawComponentOptions = {
  port: number;
  domain: string;
  secret: string;
  /** Called with each chunk of text that arrives after the handshake. */
  onText?: (text: string) => void;
  /** Milliseconds for connection and handshake; default 10,000. */
  limit?: number;
};

export interface RawComponent {
  readonly socket: Socket;
  /** Everything that has arrived after the handshake. Empty when `onText` takes it instead. */
  readonly text: string;
  readonly isOpen: boolean;
  /** Resolves when the connection is closed, by whomever. */
  readonly closed: Promise<void>;
  /** Writes bytes that are stanzas already. Resolves when the kernel has taken them. */
  write(bytes: string | Uint8Array): Promise<void>;
  /** Resolves with the match when what has arrived matches; rejects with what came instead after `limit` ms (default 5,000). */
  waitFor(pattern: RegExp, limit?: number): Promise<RegExpExecArray>;
  /** Forgets the text that has arrived. */
  forget(): void;
  /** Closes the stream and the socket. */
  close(): Promise<void>;
}

/** A stream error that the server answered the handshake with. */
export class RawStreamError extends Error {
  readonly condition: string;

  constructor(condition: string) {
    super(`the server closed the stream: ${condition}`);
    this.condition = condition;
  }
}

/** Connects to 127.0.0.1 and shakes hands. Rejects with a `RawStreamError` when the server refuses. */
export async function connectRawComponent(options: RawComponentOptions): Promise<RawComponent> {
  const { port, domain, secret, onText, limit = 10_000 } = options;
  const socket = connect(port, '127.0.0.1').setNoDelay(true).setEncoding('utf8');
  // A reset is seen as the closing that follows.
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  let text = '';
  const listeners = new Set<() => void>();
  const wake = (): void => {
    for (const listener of [...listeners]) listener();
  };
  let isOpen = false;
  socket.on('data', (chunk: string) => {
    if (isOpen && onText) return onText(chunk);
    text += chunk;
    wake();
  });
  socket.on('close', () => {
    isOpen = false;
    wake();
  });

  function waitFor(pattern: RegExp, duration = 5_000): Promise<RegExpExecArray> {
    // Made here, so that its stack shows the line that waits.
    const error = new Error();
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        listeners.delete(check);
      };
      const fail = (why: string): void => {
        finish();
        error.message = `${pattern} did not come: ${why}; there came: ${text || 'nothing'}`;
        reject(error);
      };
      const check = (): void => {
        const match = pattern.exec(text);
        if (match) {
          finish();
          resolve(match);
        } else if (socket.closed) {
          fail('the connection was closed');
        }
      };
      const timer = setTimeout(() => fail(`${duration} ms went by`), duration);
      listeners.add(check);
      check();
    });
  }

  try {
    socket.write(
      `<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='${domain}'>`,
    );
    const [, id] = await waitFor(/<stream:stream[^>]* id=['"]([^'"]+)['"]/, limit);
    const digest = createHash('sha1').update(`${id}${secret}`, 'utf8').digest('hex');
    socket.write(`<handshake>${digest}</handshake>`);
    const [, condition] = await waitFor(/<handshake\s*\/>|<handshake><\/handshake>|<stream:error><([a-z-]+)/, limit);
    if (condition) throw new RawStreamError(condition);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  isOpen = true;
  text = '';

  return {
    socket,
    get text() {
      return text;
    },
    get isOpen() {
      return isOpen;
    },
    closed,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        socket.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    waitFor,
    forget() {
      text = '';
    },
    async close() {
      socket.end('</stream:stream>');
      // A server that does not close its side must not hold a test up.
      const timer = setTimeout(() => socket.destroy(), 1_000);
      await closed;
      clearTimeout(timer);
    },
  };
}
