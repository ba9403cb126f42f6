// What stands before the simulator in the fault matrix: a front end that passes everything on, until a test gives it
// other weather: answers that no Exchange would write, answers changed on their way, connections that break.

import { Agent, type IncomingMessage, request as requestUpstream, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Listener } from '../../support/exchange-simulator/listener.ts';

export type Asked = {
  /** The step of an NTLM handshake: the message that comes with the request. */
  readonly ntlm: 'negotiate' | 'authenticate' | undefined;
  /** The token that comes with it. */
  readonly token: string | undefined;
  /** The local name of the element in the SOAP body. */
  readonly operation: string;
  readonly body: string;
};

export type Weather = {
  /** Answers in Exchange's place; false: it does not want to. */
  readonly answer?: (asked: Asked, response: ServerResponse) => boolean;
  /** Changes what Exchange answers to GetUserAvailability. */
  readonly rewrite?: (answer: string) => string;
  /**
   * The connections to Exchange: each client has its own (default), all have two between them, which are used in
   * turn, or each request has a new one.
   */
  readonly upstream?: 'shared' | 'new';
};

export type Tls = { readonly key: string; readonly cert: string };

/** The beginning of a message in Base64, with its type in it: 1 or 3. */
const NTLM = /^(?:NTLM|Negotiate) TlRMTVNTUAA([BD])AAAA/;
const BODY = /<(?:\w+:)?Body[^>]*>\s*<(?:\w+:)?(\w+)/;

export class Front {
  weather: Weather = {};
  /** The statuses of all answers but the 401 for those who did not prove who they are, in their order. */
  readonly statuses: number[] = [];
  /** Called for each request that comes. */
  onRequest: () => void = () => {};
  readonly #target: number;
  readonly #agents = new Map<Socket, Agent>();
  readonly #shared = [1, 2].map(() => new Agent({ keepAlive: true, maxSockets: 1 }));
  #turn = 0;
  readonly #streams = new Set<ServerResponse>();
  #listener: Listener;

  private constructor(target: number, tls: Tls | undefined) {
    this.#target = target;
    this.#listener = this.#createListener(tls);
  }

  /** Stands before what listens on a port of 127.0.0.1. */
  static async open(target: number, tls?: Tls): Promise<Front> {
    const front = new Front(target, tls);
    await front.#listener.open(0);
    return front;
  }

  get port(): number {
    return this.#listener.port;
  }

  /** Nothing listens any more, and all connections are gone. */
  refuse(): void {
    this.#listener.close();
  }

  accept(): void {
    this.#listener.reopen();
  }

  /** Begins anew on the same port, with another certificate. */
  async show(tls: Tls): Promise<void> {
    const { port } = this;
    this.#listener.close();
    this.#listener = this.#createListener(tls);
    await this.#listener.open(port);
  }

  /** Closes all connections; new ones are welcome. */
  hangUp(): void {
    this.#listener.hangUp();
  }

  /** Cuts the streams of events that are open. */
  cutStreams(): void {
    for (const response of this.#streams) response.destroy();
  }

  stop(): void {
    this.#listener.close();
    for (const agent of this.#shared) agent.destroy();
  }

  #createListener(tls: Tls | undefined): Listener {
    return new Listener((request, response) => void this.#serve(request, response), tls);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // The clock of this machine is not the simulator's.
    response.sendDate = false;
    const ntlm = stepOf(request);
    const isProof = request.headers.authorization !== undefined && ntlm !== 'negotiate';
    this.onRequest();
    response.once('close', () => {
      const status = response.headersSent ? response.statusCode : 0;
      if (isProof || status !== 401) this.statuses.push(status);
    });
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch {
      return; // the client is gone
    }
    const bytes = Buffer.concat(chunks);
    const body = bytes.toString();
    const operation = BODY.exec(body)?.[1] ?? '';
    const [, token] = /^Bearer (.*)$/.exec(request.headers.authorization ?? '') ?? [];
    if (this.weather.answer?.({ ntlm, token, operation, body }, response) !== true)
      this.#passOn(request, bytes, operation, response);
  }

  #passOn(request: IncomingMessage, body: Buffer, operation: string, response: ServerResponse): void {
    const rewrite = operation === 'GetUserAvailabilityRequest' ? this.weather.rewrite : undefined;
    const headers = { ...request.headers, 'accept-encoding': 'identity' };
    const { method, url: path } = request;
    const agent = this.#agentFor(request.socket);
    const options = { host: '127.0.0.1', port: this.#target, agent, method, path, headers };
    const upstream = requestUpstream(options, (answer) => {
      const { 'transfer-encoding': _, ...kept } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, kept);
      response.flushHeaders();
      if (operation === 'GetStreamingEvents') {
        this.#streams.add(response);
        response.once('close', () => this.#streams.delete(response));
      }
      answer.once('error', () => response.destroy());
      if (rewrite === undefined) answer.pipe(response);
      else void collect(answer).then((text) => response.end(rewrite(text)));
    });
    upstream.once('error', () => response.destroy());
    response.once('close', () => upstream.destroy());
    upstream.end(body);
  }

  /** Whose connection to Exchange a request takes; false: a new one. */
  #agentFor(socket: Socket): Agent | false {
    const { upstream } = this.weather;
    if (upstream === 'new') return false;
    if (upstream === 'shared') return this.#shared[this.#turn++ % 2] as Agent;
    const agent = this.#agents.get(socket) ?? new Agent({ keepAlive: true, maxSockets: 1 });
    if (!this.#agents.has(socket)) {
      this.#agents.set(socket, agent);
      socket.once('close', () => {
        this.#agents.delete(socket);
        agent.destroy();
      });
    }
    return agent;
  }
}

function stepOf({ headers }: IncomingMessage): Asked['ntlm'] {
  const [, type] = NTLM.exec(headers.authorization ?? '') ?? [];
  if (type === undefined) return undefined;
  return type === 'B' ? 'negotiate' : 'authenticate';
}

/** Breaks a connection as a firewall does: with a RST. */
export function reset(socket: Socket | null): void {
  socket?.resetAndDestroy();
}

async function collect(answer: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
