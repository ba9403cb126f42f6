import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { namespaceOf, StrictReader, type XmlNode } from './strict-reader.ts';

/** Characters of one stanza that the gateway holds, and those that Prosody takes (beside others in a chunk). */
const LARGEST_TAKEN = 1024 * 1024;
const LARGEST_SENT = 600_000;
const STREAMS = 'http://etherx.jabber.org/streams';

/** What the fuzz does with a stream. */
export interface FuzzStreamListener {
  /** A stanza that the server has said, by the letter, after it accepted the handshake. */
  said(stanza: XmlNode): void;
  /** A stanza of the gateway. */
  heard(stanza: XmlNode): void;
}

/** The server's side of XEP-0114, which says what it is told to, and knows by the letter what it has said. */
export class FuzzServer {
  readonly domain = 'calendar.example.test';
  readonly secret = 'component-secret';
  /** The newest. */
  stream: FuzzStream | undefined;
  connections = 0;
  /** What is done to the stream header and the handshake's answer. */
  disguise: (text: string) => Buffer = (text) => Buffer.from(text);
  readonly #server: Server;

  constructor(listener: FuzzStreamListener) {
    this.#server = createServer((socket) => {
      this.connections++;
      this.stream = new FuzzStream(this, socket, listener);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  async stop(): Promise<void> {
    this.stream?.socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** One connection of the gateway's. */
export class FuzzStream {
  readonly socket: Socket;
  /** What we have said on it; its `end` is why the gateway must close it. */
  readonly spoken: StrictReader;
  /** What the gateway has said on it; it must have no `end` but the one it was closed with. */
  readonly heard: StrictReader;
  isClosed = false;
  #isAccepted = false;

  constructor(server: FuzzServer, socket: Socket, listener: FuzzStreamListener) {
    this.socket = socket;
    this.spoken = new StrictReader(LARGEST_TAKEN, (element, root) => {
      if (namespaceOf(element, root) === STREAMS && /^(.*:)?error$/.test(element.name)) throw new Error('stream error');
      if (this.#isAccepted) listener.said(element);
      else this.#isAccepted = /^(.*:)?handshake$/.test(element.name);
    });
    let isGreeted = false;
    this.heard = new StrictReader(LARGEST_SENT, (element) => {
      if (element.name === 'handshake') this.say(server.disguise('<handshake/>'));
      else if (element.name !== 'stream:error') listener.heard(element);
    });
    socket.setNoDelay(true);
    socket.on('error', () => {}); // a reset is an end like any other; `close` follows
    socket.on('close', () => {
      this.isClosed = true;
    });
    socket.on('data', (data: Buffer) => {
      if (!isGreeted) {
        isGreeted = true;
        this.say(
          server.disguise(
            `<?xml version='1.0'?><stream:stream xmlns:stream='${STREAMS}' xmlns='jabber:component:accept' ` +
              `id='s${server.connections}' from='${server.domain}'>`,
          ),
        );
      }
      this.heard.write(data);
    });
  }

  say(bytes: Buffer): void {
    this.spoken.write(bytes);
    this.socket.write(bytes);
  }
}
