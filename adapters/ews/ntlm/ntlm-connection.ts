import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { buildConnector, Client, type Dispatcher, type Pool } from 'undici';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { UnsignedRequest } from '../http/authentication.ts';
import { channelBindingHash, tlsServerEndPoint } from './channel-binding.ts';
import { afterBody, drain, type NtlmScheme, offers, tokenOf } from './handshake-answer.ts';

export type NtlmConnectionOptions = {
  readonly origin: string;
  readonly options: Pool.Options;
  /** Whether the handshake is bound to the TLS connection. */
  readonly channelBinding: boolean;
  readonly handshake: NtlmHandshake;
};

/** The NTLM messages of one identity, for one server. */
export interface NtlmHandshake {
  readonly negotiate: Buffer;
  /**
   * The AUTHENTICATE_MESSAGE for a server's CHALLENGE_MESSAGE.
   *
   * @throws CalendarSourceError `malformed` or `unauthorized` when the challenge can't be answered
   */
  authenticate(challenge: Buffer, channelBinding: Buffer | undefined): Buffer;
}

/** Our own connector refuses with this: the socket that a request was meant for has gone. */
class SocketGone extends Error {
  readonly code = 'NTLM_SOCKET_GONE';
}

/**
 * One connection to a server, and the socket on which an identity was proven (MS-NTHT §3.1): the handshake goes over
 * that socket, and later requests go without a header. One request at a time, its answer's body included.
 *
 * undici opens a new socket when it finds the old one closed, and would send a request on it that was meant for the
 * proven one. So its connector is allowed to connect for the first step of a handshake only.
 */
export class NtlmConnection {
  readonly #client: Client;
  readonly #handshake: NtlmHandshake;
  readonly #bindChannel: boolean;
  #scheme: NtlmScheme = 'NTLM';
  #socket: Socket | undefined;
  /** Whether the server takes requests on the socket as ours. */
  #proven = false;
  #mayConnect = true;

  constructor({ origin, options, handshake, channelBinding: bindChannel }: NtlmConnectionOptions) {
    this.#handshake = handshake;
    this.#bindChannel = bindChannel;
    const { connections: _, factory: __, ...rest } = options;
    const connect = connectorOf(options);
    this.#client = new Client(origin, {
      ...rest,
      pipelining: 1,
      connect: (target, callback) => {
        if (!this.#mayConnect) return callback(new SocketGone(), null);
        return connect(target, (...result) => {
          if (result[1] !== null) {
            this.#socket = result[1];
            this.#proven = false;
          }
          callback(...result);
        });
      },
    });
  }

  /** Whether a request would go without a handshake. */
  get isProven(): boolean {
    return this.#proven && this.#isOpen;
  }

  /**
   * Sends a request as our identity. A refusal of it is an answer, 401.
   *
   * @throws CalendarSourceError when the handshake can't be finished; else what undici throws
   */
  async request(request: UnsignedRequest): Promise<Dispatcher.ResponseData> {
    if (this.isProven) {
      const response = await this.#onSameSocket(request);
      if (response !== undefined && response.statusCode !== 401) return response;
      if (response !== undefined) await drain(response);
    }
    this.#proven = false;
    const response = await this.#shakeHands(request);
    // mod_auth_gssapi does not begin anew on a connection on which it refused once.
    if (response.statusCode === 401) afterBody(response, () => this.#socket?.destroy());
    return response;
  }

  destroy(reason: Error): Promise<void> {
    return this.#client.destroy(reason);
  }

  async #shakeHands(request: UnsignedRequest): Promise<Dispatcher.ResponseData> {
    const first = await this.#negotiate(request);
    if (first.statusCode === 401) {
      const challenge = tokenOf(first, this.#scheme);
      // It offers something else, or doesn't go on: the refusal says which.
      if (challenge === undefined) return first;
      await drain(first);
      return this.#authenticate(request, challenge);
    }
    if (first.statusCode >= 300) return first;
    // A server that asks nobody who they are.
    await drain(first);
    return this.#prove(request);
  }

  /** The first step, without the request's body: it would be sent twice. */
  async #negotiate(request: UnsignedRequest): Promise<Dispatcher.ResponseData> {
    const ask = () => this.#send({ ...request, body: '' }, this.#handshake.negotiate);
    const response = await ask();
    if (response.statusCode !== 401 || offers(response, this.#scheme)) return response;
    const other = this.#scheme === 'NTLM' ? 'Negotiate' : 'NTLM';
    if (!offers(response, other)) return response;
    this.#scheme = other;
    await drain(response);
    return ask();
  }

  async #authenticate(request: UnsignedRequest, challenge: Buffer): Promise<Dispatcher.ResponseData> {
    if (!this.#isOpen) return closedMeanwhile();
    const answer = this.#handshake.authenticate(challenge, this.#channelBinding());
    return this.#prove(request, answer);
  }

  /** The last step, the request itself: from here on the server knows whose socket it is, unless it refuses. */
  async #prove(request: UnsignedRequest, answer?: Buffer): Promise<Dispatcher.ResponseData> {
    const response = (await this.#onSameSocket(request, answer)) ?? closedMeanwhile();
    this.#proven = response.statusCode !== 401;
    return response;
  }

  /** Sends on the socket that is open now; undefined when it has gone before anything was sent. */
  async #onSameSocket(request: UnsignedRequest, token?: Buffer): Promise<Dispatcher.ResponseData | undefined> {
    this.#mayConnect = false;
    try {
      return await this.#send(request, token);
    } catch (error) {
      if (error instanceof SocketGone) return undefined;
      throw error;
    } finally {
      this.#mayConnect = true;
    }
  }

  #send({ headers, ...request }: UnsignedRequest, token?: Buffer): Promise<Dispatcher.ResponseData> {
    const authorization = token === undefined ? {} : { authorization: `${this.#scheme} ${token.toString('base64')}` };
    return this.#client.request({ ...request, method: 'POST', headers: { ...headers, ...authorization } });
  }

  get #isOpen(): boolean {
    return this.#socket !== undefined && !this.#socket.destroyed;
  }

  #channelBinding(): Buffer | undefined {
    if (!this.#bindChannel || !(this.#socket instanceof TLSSocket)) return undefined;
    const certificate = this.#socket.getPeerX509Certificate();
    const endPoint = certificate === undefined ? undefined : tlsServerEndPoint(certificate.raw);
    return endPoint === undefined ? undefined : channelBindingHash(endPoint);
  }
}

/** What makes the connections: what was given, or what undici makes of options for it. HTTP/2 has no NTLM. */
function connectorOf({ connect }: Pool.Options): buildConnector.connector {
  if (typeof connect === 'function') return connect;
  return buildConnector({ ...connect, allowH2: false });
}

/** `unreachable`: no proof was sent, so none was refused; a front end that restarts closes so, too. */
function closedMeanwhile(): never {
  throw new CalendarSourceError(
    'unreachable',
    'The server, or a proxy before it, closes the connection during the NTLM handshake, which needs one connection ' +
      'for all its steps: let the proxy keep connections alive and give each client its own, or use another way to log on',
    { code: 'NTLM_CONNECTION_CLOSED' },
  );
}
