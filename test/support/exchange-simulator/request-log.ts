import type { AvailabilityRequest } from './availability-request.ts';

/** Whether a request carried the account's name and password, none, or others. */
export type Authorization = 'ok' | 'none' | 'wrong';

export type RecordedRequest = {
  /** Epoch milliseconds of its arrival. */
  readonly at: number;
  /** The addresses asked about, in their order; none when the request was refused. */
  readonly mailboxes: readonly string[];
  readonly window: AvailabilityRequest['window'] | undefined;
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

  add(request: Pick<RecordedRequest, 'at' | 'authorization' | 'body'>): OpenRecord {
    const record: OpenRecord = { ...request, mailboxes: [], window: undefined, status: 0 };
    this.#requests.push(record);
    const withoutBody = this.#requests.at(-1 - MOST_BODIES);
    if (withoutBody !== undefined) withoutBody.body = '';
    if (this.#requests.length > MOST_REQUESTS) this.#requests.shift();
    return record;
  }

  /** Adds to a record what its body was found to ask. */
  understood(record: OpenRecord, { mailboxes, window }: AvailabilityRequest): void {
    record.mailboxes = mailboxes;
    record.window = window;
  }

  reject(reason: string): void {
    if (this.#rejections.length < MOST_REJECTIONS) this.#rejections.push(reason);
  }
}
