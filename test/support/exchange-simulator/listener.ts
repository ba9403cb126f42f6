// The server's socket, which can be shut and opened again on the same port.

import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

/** IIS keeps an idle connection for two minutes. */
const KEEP_ALIVE = 120_000;
const REOPENING_TRIES = 50;
const REOPENING_PAUSE = 100;

export class Listener {
  readonly #serve: RequestListener;
  readonly #tls: { readonly key: string; readonly cert: string } | undefined;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  constructor(serve: RequestListener, tls: { readonly key: string; readonly cert: string } | undefined) {
    this.#serve = serve;
    this.#tls = tls;
  }

  get port(): number {
    return this.#port;
  }

  /** Listens on 127.0.0.1; rejects when it can't. */
  async open(port: number): Promise<void> {
    const server = this.#createServer();
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Stops listening at once and destroys all connections. */
  close(): void {
    this.#server?.close();
    this.#server = undefined;
    this.hangUp();
  }

  /** Destroys all connections, and goes on listening. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Listens on the same port as before. */
  reopen(): void {
    this.#relisten(REOPENING_TRIES);
  }

  #relisten(tries: number): void {
    const server = this.#createServer();
    this.#server = server;
    // While nothing listened, some other process may have got the port for an outgoing connection.
    server.once('error', (error) => {
      if (this.#server !== server) return;
      if (tries === 0) throw error;
      setTimeout(() => {
        if (this.#server === server) this.#relisten(tries - 1);
      }, REOPENING_PAUSE);
    });
    server.listen(this.#port, '127.0.0.1');
  }

  #createServer(): Server {
    const server = this.#tls === undefined ? createServer(this.#serve) : createTlsServer(this.#tls, this.#serve);
    server.keepAliveTimeout = KEEP_ALIVE;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    return server;
  }
}
