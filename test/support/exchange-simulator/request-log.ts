import type { IncomingHttpHeaders } from 'node:http';
import type { Asked, Caller } from './operation.ts';

/**
 * Whether a request carried good credentials (or came over a connection that NTLM had authenticated), none, or others;
 * `handshake`: the first half of NTLM.
 */
export type Authorization = 'ok' | 'none' | 'wrong' | 'handshake';

export type RecordedRequest = {
  /** Epoch milliseconds of its arrival. */
  readonly at: number;
  /** The element in the SOAP body; '' when the request was refused. */
  readonly operation: string;
  /** The mailbox that was impersonated, in lower case. */
  readonly impersonated: string | undefined;
  /** The number of the backend that served it, from 0. */
  readonly backend: number;
  readonly headers: IncomingHttpHeaders;
  /** The addresses asked about, in their order; none when the request was refused. */
  readonly mailboxes: readonly string[];
  readonly window: Asked['window'];
  readonly authorization: Authorization;
  /** The HTTP status of the answer; 0 while there is none, as for one that hangs. */
  readonly status: number;
  readonly body: string;
};

/** One that is still being answered. */
export type OpenRecord = { -readonly [Key in keyof RecordedRequest]: RecordedRequest[Key] };

const MOST_REQUESTS = 10_000;
const MOST_BODIES = 1_000;
const MOST_REJECTIONS = 1_000;

/** What the simulator was asked, and what it refused, within bounds. */
export class RequestLog {
  readonly #requests: OpenRecord[] = [];
  readonly #rejections: string[] = [];

  get requests(): readonly RecordedRequest[] {
    return this.#requests;
  }

  get rejections(): readonly string[] {
    return this.#rejections;
  }

  add(request: Pick<RecordedRequest, 'at' | 'authorization' | 'body' | 'headers'>): OpenRecord {
    const record: OpenRecord = {
      ...request,
      operation: '',
      impersonated: undefined,
      backend: 0,
      mailboxes: [],
      window: undefined,
      status: 0,
    };
    this.#requests.push(record);
    const withoutBody = this.#requests.at(-1 - MOST_BODIES);
    if (withoutBody !== undefined) withoutBody.body = '';
    if (this.#requests.length > MOST_REQUESTS) this.#requests.shift();
    return record;
  }

  /** Adds to a record what its body was found to ask. */
  understood(record: OpenRecord, operation: string, caller: Caller, { mailboxes = [], window }: Asked): void {
    record.operation = operation;
    record.impersonated = caller.impersonated;
    record.backend = caller.backend;
    record.mailboxes = mailboxes;
    record.window = window;
  }

  reject(reason: string): void {
    if (this.#rejections.length < MOST_REJECTIONS) this.#rejections.push(reason);
  }
}
