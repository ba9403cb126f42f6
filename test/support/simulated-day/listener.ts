import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import xml, { type Element } from '@xmpp/xml';
import { NS_PING } from '../../../component/xmpp/ping.ts';

/** The XMPP server's side of XEP-0114 for one component: hands over each presence, and knows when all have come. */
export class PresenceListener {
  readonly domain = 'calendar.example.test';
  readonly #onPresence: (contact: string, to: string, shows: string) => void;
  readonly #server: Server;
  #socket: Socket | undefined;
  #isOnline: () => void = () => {};
  #waiting: { readonly id: string; readonly done: () => void } | undefined;
  #barriers = 0;
  /** Resolves when the component has connected. */
  readonly online = new Promise<void>((resolve) => {
    this.#isOnline = resolve;
  });

  /** @param onPresence `shows` is the show, `available` or the stanza's type */
  constructor(onPresence: (contact: string, to: string, shows: string) => void) {
    this.#onPresence = onPresence;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  /** Resolves when everything that the component has written so far was handed over: it answers in the same stream. */
  async caughtUp(): Promise<void> {
    const id = `barrier${++this.#barriers}`;
    await new Promise<void>((done) => {
      this.#waiting = { id, done };
      this.#send(`<iq type='get' id='${id}' from='example.net' to='${this.domain}'><ping xmlns='${NS_PING}'/></iq>`);
    });
  }

  probe(from: string, contact: string): void {
    this.#send(`<presence type='probe' from='${from}' to='${contact}@${this.domain}'/>`);
  }

  async stop(): Promise<void> {
    this.#socket?.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #send(text: string): void {
    this.#socket?.write(text);
  }

  #accept(socket: Socket): void {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('utf8');
    socket.on('error', () => {}); // `close` follows
    const parser = new xml.Parser();
    socket.on('data', (data: string) => parser.write(data));
    parser.on('start', () => {
      this.#send(
        "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' " +
          `xmlns='jabber:component:accept' id='day' from='${this.domain}'>`,
      );
    });
    parser.on('element', (element: Element) => this.#received(element));
    parser.on('end', () => socket.end('</stream:stream>'));
  }

  #received(element: Element): void {
    const { from = '', to = '', id, type } = element.attrs;
    if (element.is('presence')) {
      this.#onPresence(from.slice(0, from.indexOf('@')), to, type ?? element.getChildText('show') ?? 'available');
    } else if (element.is('handshake')) {
      this.#send('<handshake/>');
      this.#isOnline();
    } else if (element.is('iq') && id === this.#waiting?.id) this.#waiting?.done();
    // The component's own pings: a server gives them back to it.
    else if (element.is('iq') && to === this.domain) this.#send(element.toString());
  }
}
