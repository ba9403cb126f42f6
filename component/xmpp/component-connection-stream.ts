import type { Socket } from 'node:net';
import { type Component, component } from '@xmpp/component';
import type { Element } from '@xmpp/xml';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { StreamEnd } from './component-connection-end.ts';
import { StreamParser, StreamSyntaxError } from './component-connection-parser.ts';
import { type ComponentSocketOptions, openComponentSocket } from './component-connection-socket.ts';
import { TextBuffer } from './text-buffer.ts';

export type ComponentStreamOptions = ComponentSocketOptions & {
  readonly domain: string;
  readonly secret: string;
  readonly clock: Clock;
  /** Milliseconds for TCP, TLS, stream header and handshake together. */
  readonly connectTimeout: number;
};

export interface ComponentStreamListener {
  /** The server accepted the handshake. Comes before the first stanza. */
  online(): void;
  stanza(stanza: Element): void;
  /** Bytes came: the server lives. */
  heard(): void;
  /** The last call, exactly once. The socket may linger for a moment to say good-bye. */
  ended(end: StreamEnd): void;
}

/** Characters of one unfinished stanza that we hold. Servers themselves stop at 256 or 512 KiB. */
export const LARGEST_STANZA = 1024 * 1024;
/** Bytes that may wait in this process because the server does not read. */
const MOST_UNWRITTEN = 16 * 1024 * 1024;
/** Milliseconds a closed stream may linger until the server closes its side. */
const LINGER = 2_000;

const FOOTER = '</stream:stream>';

/**
 * One stream to the server, from the TCP connection to its end: xmpp.js's component with a socket of ours.
 *
 * A stream is used once. xmpp.js reuses its entity, whose status then sticks: after an `open` that timed out it
 * stayed `opening` for ever and nothing reconnected. Here a watchdog ends the stream, and the next one is new.
 */
export class ComponentStream {
  readonly #options: ComponentStreamOptions;
  readonly #listener: ComponentStreamListener;
  readonly #entity: Component;
  readonly #socket: Socket;
  readonly #watchdog: Timer;
  readonly #closed: Promise<void>;
  #phase: 'connecting' | 'online' | 'ended' = 'connecting';
  /** Whether our stream header was written. */
  #isOpen = false;
  readonly #encoder = new TextBuffer();
  #unfinished = 0;

  constructor(options: ComponentStreamOptions, listener: ComponentStreamListener) {
    this.#options = options;
    this.#listener = listener;
    this.#entity = this.#createEntity();
    this.#socket = openComponentSocket(options, () => this.#openStream());
    this.#closed = new Promise((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket.on('error', (error) => this.end({ kind: 'socket-error', error }));
    this.#socket.on('close', () => {
      this.end({ kind: 'closed' });
      // xmpp.js waits with timers of its own; an `error` ends them, so that they can't hold the process.
      this.#entity.emit('error', new Error('The stream has ended'));
    });
    this.#watchdog = options.clock.after(options.connectTimeout, () => this.end({ kind: 'connect-timeout' }));
  }

  /** Writes text as it is. Ends the stream when too much waits unwritten. */
  write(text: string): void {
    if (this.#phase !== 'online') return;
    this.#socket.write(this.#encoder.encode(text, this.#socket.writableLength === 0));
    if (this.#socket.writableLength > MOST_UNWRITTEN) this.end({ kind: 'unread', limit: MOST_UNWRITTEN });
  }

  /** Stops to read: the server's writes then wait in the kernel, and in the server. */
  pause(): void {
    if (this.#phase === 'online') this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends the stream as RFC 6120 §4.4 wants it; resolves when the socket is closed, at most 2 s later. */
  close(): Promise<void> {
    this.end({ kind: 'stopped' });
    return this.#closed;
  }

  /** Ends the stream at once. */
  destroy(): void {
    this.#socket.destroy();
    this.end({ kind: 'stopped' });
  }

  /** Ends the stream for a reason, and says good-bye when the server may still listen. */
  end(reason: StreamEnd): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.#watchdog.cancel();
    const words = this.#isOpen ? lastWords(reason) : undefined;
    if (words === undefined || this.#socket.destroyed) this.#socket.destroy();
    else this.#sayGoodBye(words);
    this.#listener.ended(reason);
  }

  #sayGoodBye(words: string): void {
    const linger = this.#options.clock.after(LINGER, () => this.#socket.destroy());
    this.#socket.once('close', () => linger.cancel());
    this.#socket.end(words);
  }

  #createEntity(): Component {
    const { host, port, domain, secret, connectTimeout } = this.#options;
    const entity = component({
      service: `xmpp://${host}:${port}`,
      domain,
      // xmpp.js hashes the secret as latin1, so a secret outside ASCII gave a wrong digest. The UTF-8 bytes, each as
      // one latin1 character, come out of it as the UTF-8 bytes that XEP-0114 §3 wants.
      password: Buffer.from(secret, 'utf8').toString('latin1'),
    });
    // It reconnects after one second without back-off, even when the server refuses us; that is our owner's work.
    entity.reconnect.stop();
    // Its middleware answers every iq with service-unavailable, and matches replies by their id alone.
    entity.removeAllListeners('element');
    // Its errors end the stream. Without a listener they would end the process.
    entity.on('error', (error: Error) => this.#failed(error));
    entity.on('element', (element: Element) => this.#received(element));
    // xmpp.js leaves the socket open when the peer closed the stream.
    entity.on('close', () => this.end({ kind: 'closed' }));
    entity.timeout = connectTimeout;
    entity.Parser = StreamParser;
    entity._onData = (data) => this.#parse(entity, data);
    // It would follow `see-other-host` to any host, in plain text, and an empty error was a TypeError.
    entity._onStreamError = (element) => this.end(streamError(element));
    // Good-byes are said in `end`.
    entity._end = () => Promise.resolve();
    return entity;
  }

  #openStream(): void {
    if (this.#phase !== 'connecting') return;
    const { domain, connectTimeout } = this.#options;
    this.#entity._attachSocket(this.#socket);
    this.#isOpen = true;
    this.#entity.open({ domain, timeout: connectTimeout }).catch((error: Error) => this.#failed(error));
  }

  #parse(entity: Component, data: string): void {
    if (this.#phase === 'ended') return;
    this.#unfinished += data.length;
    this.#listener.heard();
    try {
      // xmpp.js throws at anything after the stream's end: that was an uncaught exception.
      entity.parser?.write(data);
    } catch (error) {
      this.end({ kind: 'malformed', error: error instanceof Error ? error : new Error(String(error)) });
    }
    if (this.#unfinished > LARGEST_STANZA) this.end({ kind: 'oversized', limit: LARGEST_STANZA });
  }

  #received(element: Element): void {
    // What follows the last element in the same chunk is not counted: one chunk (64 KiB) more is no harm.
    this.#unfinished = 0;
    if (this.#phase === 'online') {
      if (isStanza(element)) this.#listener.stanza(element);
    } else if (this.#phase === 'connecting' && element.is('handshake')) {
      // xmpp.js is online a few microtasks later; stanzas in the same chunk would come before.
      this.#phase = 'online';
      this.#watchdog.cancel();
      this.#listener.online();
    }
  }

  #failed(error: Error): void {
    // After `online` nothing but the socket fails, and it has its own listener.
    if (this.#phase === 'connecting') this.end({ kind: 'malformed', error });
  }
}

/** The namespaces of stanzas, declared on them or, as a rule, by the stream: some servers leave their clients' there. */
const STANZA_NAMESPACES: ReadonlySet<string | undefined> = new Set([
  undefined,
  'jabber:component:accept',
  'jabber:client',
]);

/** RFC 6120 §4.8.2: an element of another namespace may have the same name and is no stanza. */
function isStanza({ name, attrs }: Element): boolean {
  return (name === 'iq' || name === 'message' || name === 'presence') && STANZA_NAMESPACES.has(attrs.xmlns);
}

function streamError(element: Element): StreamEnd {
  const children = element.getChildElements();
  const condition = children.find((child) => child.getName() !== 'text')?.getName() ?? 'undefined-condition';
  return { kind: 'stream-error', condition, text: element.getChildText('text') ?? '' };
}

/** What is said before the socket is closed; undefined when nobody listens any more. */
function lastWords(reason: StreamEnd): string | undefined {
  const error = (condition: string) =>
    `<stream:error><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>${FOOTER}`;
  switch (reason.kind) {
    case 'malformed':
      return error(reason.error instanceof StreamSyntaxError ? reason.error.condition : 'not-well-formed');
    case 'oversized':
      return error('policy-violation');
    case 'stream-error':
    case 'closed':
    case 'stopped':
      return FOOTER;
    case 'socket-error':
    case 'connect-timeout':
    case 'unanswered':
    case 'unread':
      return undefined;
  }
}
