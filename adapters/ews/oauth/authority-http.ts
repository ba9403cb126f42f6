import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from '@azure/msal-node';
import { Client } from 'undici';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { Clock } from '../../../component/runtime/clock.ts';
import { retryAfter } from '../ews-error.ts';
import { readBody } from '../http/answer-body.ts';
import type { Connector } from '../http/connector.ts';
import { networkError } from '../http/network-error.ts';
import type { Application } from './application.ts';
import { errorOfRefusal } from './oauth-error.ts';

/** The greatest answer, in bytes: a token with many roles has some thousand. */
const MOST = 1024 * 1024;

/**
 * HTTP to one authority, for msal and for one token.
 *
 * msal gets good answers only. What goes wrong is kept in `failure`: msal makes errors of its own of it, which lose the
 * reason (of a metadata document that can't be had it says only that it can't).
 */
export class AuthorityHttp implements INetworkModule {
  failure: CalendarSourceError | undefined;
  /** How long the token lasts that was given, in seconds. */
  expiresIn: number | undefined;
  readonly #application: Application;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;

  constructor(application: Application, connector: Connector, clock: Clock, signal: AbortSignal) {
    this.#application = application;
    this.#client = new Client(application.authority.origin, { connect: connector });
    this.#clock = clock;
    this.#signal = signal;
  }

  sendGetRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    return this.#send('GET', url, options);
  }

  sendPostRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    return this.#send('POST', url, options);
  }

  close(): Promise<void> {
    return this.#client.destroy();
  }

  async #send<T>(method: 'GET' | 'POST', url: string, options: NetworkRequestOptions = {}) {
    try {
      return (await this.#exchange(method, new URL(url), options)) as NetworkResponse<T>;
    } catch (error) {
      this.failure ??=
        error instanceof CalendarSourceError
          ? error
          : networkError(error, this.#application.authority.host, 'The authority');
      throw this.failure;
    }
  }

  async #exchange(method: 'GET' | 'POST', url: URL, { headers, body }: NetworkRequestOptions) {
    const { authority } = this.#application;
    // The authority's metadata says where the secret goes: nowhere else than to the authority.
    if (url.origin !== authority.origin) {
      const text = `The authority ${authority.host} refers to ${url.host}: configure that one, if you trust it`;
      throw new CalendarSourceError('malformed', text);
    }
    const response = await this.#client.request({
      method,
      path: url.pathname + url.search,
      headers: { ...headers, accept: 'application/json', 'accept-encoding': 'gzip', 'user-agent': 'presence-gateway' },
      body: body ?? null,
      signal: this.#signal,
    });
    const coding = response.headers['content-encoding'];
    const answer = await readJson(readBody(response.body, coding?.toString(), MOST));
    const status = response.statusCode;
    if (status < 200 || status > 299) {
      const wait = retryAfter(response.headers['retry-after']?.toString(), this.#clock.now());
      throw errorOfRefusal({ status, body: answer, retryAfter: wait }, this.#application);
    }
    if (typeof answer !== 'object' || answer === null) {
      throw new CalendarSourceError('malformed', `The authority ${authority.host}: its answer is no JSON object`);
    }
    this.#noteLifetime(answer);
    return { headers: {}, status, body: answer };
  }

  #noteLifetime(answer: object): void {
    const seconds = Number((answer as { expires_in?: unknown }).expires_in);
    if (seconds > 0) this.expiresIn = seconds;
  }
}

async function readJson(bytes: AsyncIterable<Uint8Array>): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}
