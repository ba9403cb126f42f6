import type { Dispatcher } from 'undici';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { Connections, UnsignedRequest } from '../http/authentication.ts';
import { afterBody } from './handshake-answer.ts';
import type { NtlmConnection } from './ntlm-connection.ts';

/** Requests that may wait for a connection; the budget of a server lets far fewer come. */
const MOST_WAITING = 1_000;

type Waiter = { readonly resolve: (connection: NtlmConnection) => void; readonly reject: (reason: unknown) => void };

/** As many connections as allowed, each for one request at a time; requests that find none free wait in turn. */
export class NtlmConnections implements Connections {
  readonly #most: number;
  readonly #create: () => NtlmConnection;
  readonly #all = new Set<NtlmConnection>();
  readonly #idle: NtlmConnection[] = [];
  readonly #waiting = new Set<Waiter>();
  #destroyed: Error | undefined;

  /** @param most the most connections at once */
  constructor(most: number, create: () => NtlmConnection) {
    this.#most = most;
    this.#create = create;
  }

  async request(request: UnsignedRequest): Promise<Dispatcher.ResponseData> {
    const connection = await this.#take(request.signal);
    try {
      const response = await connection.request(request);
      afterBody(response, () => this.#give(connection));
      return response;
    } catch (error) {
      this.#give(connection);
      throw error;
    }
  }

  async destroy(reason: Error): Promise<void> {
    this.#destroyed = reason;
    for (const { reject } of this.#waiting) reject(reason);
    await Promise.all([...this.#all].map((connection) => connection.destroy(reason)));
  }

  #take(signal: AbortSignal): NtlmConnection | Promise<NtlmConnection> {
    signal.throwIfAborted();
    if (this.#destroyed !== undefined) throw this.#destroyed;
    const free = this.#idle.findLastIndex((connection) => connection.isProven);
    const [connection] = this.#idle.splice(free, 1);
    if (connection !== undefined) return connection;
    if (this.#all.size < this.#most) {
      const created = this.#create();
      this.#all.add(created);
      return created;
    }
    if (this.#waiting.size >= MOST_WAITING) {
      throw new CalendarSourceError('throttled', 'Too many requests wait for a connection to Exchange');
    }
    return this.#wait(signal);
  }

  #wait(signal: AbortSignal): Promise<NtlmConnection> {
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#waiting.delete(waiter);
        signal.removeEventListener('abort', abort);
      };
      const abort = () => waiter.reject(signal.reason);
      const waiter: Waiter = {
        resolve: (connection) => {
          end();
          resolve(connection);
        },
        reject: (reason) => {
          end();
          reject(reason as Error);
        },
      };
      this.#waiting.add(waiter);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  #give(connection: NtlmConnection): void {
    const [next] = this.#waiting;
    if (next !== undefined) next.resolve(connection);
    else this.#idle.push(connection);
  }
}
