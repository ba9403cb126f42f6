import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import xml, { type Element } from '@xmpp/xml';

export type FakeComponentServerOptions = {
  /** Default `calendar.example.test`. */
  domain?: string;
  /** Default `component-secret`. */
  secret?: string;
  /** Direct TLS with this key and certificate, in PEM. */
  tls?: { key: string; cert: string };
};

/** What the server does with a new connection. A stream error comes in place of the handshake's answer. */
export type Greeting = 'accept' | 'say-nothing' | 'header-only' | 'close' | { streamError: string };

const NS_STREAMS = 'urn:ietf:params:xml:ns:xmpp-streams';

/**
 * The server's side of XEP-0114, as scripted: by default it behaves (checks the handshake, routes what the component
 * sends to itself back to it), and each test switches on the misbehaviour that it is about.
 */
export class FakeComponentServer {
  readonly domain: string;
  readonly secret: string;
  readonly streams: FakeStream[] = [];
  greeting: Greeting = 'accept';
  /** Sent in the same write as the answer to the handshake. */
  afterHandshake = '';
  /** Whether what the component sends to its own domain (its pings) comes back. */
  returnsPings = true;
  readonly #server: Server;

  constructor(options: FakeComponentServerOptions = {}) {
    this.domain = options.domain ?? 'calendar.example.test';
    this.secret = options.secret ?? 'component-secret';
    const accept = (socket: Socket) => void this.streams.push(new FakeStream(this, socket));
    this.#server = options.tls ? createTlsServer(options.tls, accept) : createServer(accept);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async start(port = 0): Promise<this> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  /** The nth connection (0 is the first), as soon as it is there; a process that must start first may need longer. */
  async stream(n: number, limit?: number): Promise<FakeStream> {
    await until(() => this.streams.length > n, `connection ${n}`, limit);
    return this.streams[n] as FakeStream;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    for (const { socket } of this.streams) socket.destroy();
    await once(this.#server, 'close');
  }
}

/** One connection, seen from the server. */
export class FakeStream {
  readonly socket: Socket;
  /** Everything that came, as text. */
  text = '';
  readonly stanzas: Element[] = [];
  isAuthenticated = false;
  isClosed = false;
  readonly #server: FakeComponentServer;
  readonly #id = Math.random().toString(36).slice(2);
  readonly #parser = new xml.Parser();

  constructor(server: FakeComponentServer, socket: Socket) {
    this.#server = server;
    this.socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('utf8');
    socket.on('error', () => {}); // a reset is an end like any other; `close` follows
    socket.on('close', () => {
      this.isClosed = true;
    });
    socket.on('data', (data: string) => {
      this.text += data;
      this.#parser.write(data);
    });
    this.#parser.on('start', () => this.#greet());
    this.#parser.on('element', (element: Element) => this.#received(element));
    this.#parser.on('end', () => socket.end('</stream:stream>'));
    this.#parser.on('error', () => socket.destroy());
    if (server.greeting === 'close') socket.end();
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** Sends chunks so far apart that each arrives as a chunk of its own. */
  async sendChunks(chunks: Iterable<Uint8Array>): Promise<void> {
    for (const chunk of chunks) {
      this.socket.write(chunk);
      await sleep(3);
    }
  }

  streamError(condition: string): void {
    this.socket.end(`<stream:error><${condition} xmlns='${NS_STREAMS}'/></stream:error></stream:stream>`);
  }

  /** From now on nothing is read and nothing said, and no FIN is sent: as if the cable had been cut. */
  vanish(): void {
    this.socket.removeAllListeners('data');
    this.socket.pause();
  }

  /** The first stanza that fits, as soon as it has come. */
  async stanza(fits: (stanza: Element) => boolean): Promise<Element> {
    await until(() => this.stanzas.some(fits), `a stanza among ${this.stanzas.join(' ')}`);
    return this.stanzas.find(fits) as Element;
  }

  #greet(): void {
    if (this.#server.greeting === 'say-nothing') return;
    this.send(
      "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' " +
        `xmlns='jabber:component:accept' id='${this.#id}' from='${this.#server.domain}'>`,
    );
  }

  #received(element: Element): void {
    if (element.is('handshake')) {
      this.#shakeHands(element);
      return;
    }
    this.stanzas.push(element);
    const { to, from } = element.attrs;
    if (this.#server.returnsPings && to === this.#server.domain && from === to) this.send(element.toString());
  }

  #shakeHands(handshake: Element): void {
    const { greeting, secret, afterHandshake } = this.#server;
    if (greeting === 'header-only') return;
    if (typeof greeting === 'object') {
      this.streamError(greeting.streamError);
      return;
    }
    // XEP-0114 §3: SHA-1 over the stream's id and the secret in UTF-8, in hexadecimal.
    const digest = createHash('sha1')
      .update(Buffer.from(this.#id + secret, 'utf8'))
      .digest('hex');
    if (handshake.getText() !== digest) {
      this.streamError('not-authorized');
      return;
    }
    this.isAuthenticated = true;
    this.send(`<handshake/>${afterHandshake}`);
  }
}

/** Resolves when `holds` does; looks every few milliseconds, for at most `limit` of them. */
export async function until(holds: () => boolean, what: string, limit = 3_000): Promise<void> {
  const end = performance.now() + limit;
  while (performance.now() < end) {
    if (holds()) return;
    await sleep(3);
  }
  throw new Error(`Waited in vain for ${what}`);
}
