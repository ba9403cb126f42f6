// A client of notifications by hand, for the tests of the simulator itself: it shares nothing with the product's.

import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { post, texts } from './availability-client.ts';
import type { ExchangeSimulator } from './exchange-simulator.ts';
import { MESSAGES, SOAP, TYPES } from './namespaces.ts';

const ALL_TYPES = ['CreatedEvent', 'ModifiedEvent', 'MovedEvent', 'DeletedEvent', 'FreeBusyChangedEvent'];

/** A whole message around an operation; `mailbox` is impersonated. */
export function envelope(operation: string, mailbox?: string): string {
  const impersonation =
    mailbox === undefined
      ? ''
      : `<t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>${mailbox}</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>`;
  return (
    `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="${SOAP}" xmlns:m="${MESSAGES}" xmlns:t="${TYPES}">` +
    `<s:Header><t:RequestServerVersion Version="Exchange2013"/>${impersonation}</s:Header><s:Body>${operation}</s:Body></s:Envelope>`
  );
}

export function subscribeRequest(
  mailbox: string | undefined,
  { types = ALL_TYPES, folder = '<t:DistinguishedFolderId Id="calendar"/>' } = {},
): string {
  const list = types.map((type) => `<t:EventType>${type}</t:EventType>`).join('');
  return envelope(
    `<m:Subscribe><m:StreamingSubscriptionRequest><t:FolderIds>${folder}</t:FolderIds>` +
      `<t:EventTypes>${list}</t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>`,
    mailbox,
  );
}

export function unsubscribeRequest(id: string, mailbox?: string): string {
  return envelope(`<m:Unsubscribe><m:SubscriptionId>${id}</m:SubscriptionId></m:Unsubscribe>`, mailbox);
}

/** @param timeout minutes */
export function streamRequest(ids: readonly string[], timeout = 30, mailbox?: string): string {
  const list = ids.map((id) => `<t:SubscriptionId>${id}</t:SubscriptionId>`).join('');
  return envelope(
    `<m:GetStreamingEvents><m:SubscriptionIds>${list}</m:SubscriptionIds>` +
      `<m:ConnectionTimeout>${timeout}</m:ConnectionTimeout></m:GetStreamingEvents>`,
    mailbox,
  );
}

/** Subscribes, and expects that it works. */
export async function subscribeTo(
  simulator: ExchangeSimulator,
  mailbox: string,
  options: { readonly types?: string[]; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const { headers = {}, ...parts } = options;
  const body = await (await post(simulator, subscribeRequest(mailbox, parts), headers)).text();
  const [id] = texts(body, 'SubscriptionId');
  if (id === undefined) throw new Error(`No subscription: ${body}`);
  return id;
}

/** A stream that is being read. */
export class StreamClient {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly chunks: string[] = [];
  /** How it ended; undefined while it goes on. */
  ending: 'whole' | 'broken' | undefined;
  readonly #response: IncomingMessage;
  readonly #waiting = new Set<() => void>();

  constructor(response: IncomingMessage) {
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    this.#response = response;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      this.chunks.push(chunk);
      this.#tell();
    });
    response.on('error', () => undefined);
    response.on('close', () => {
      this.ending = response.complete ? 'whole' : 'broken';
      this.#tell();
    });
  }

  get text(): string {
    return this.chunks.join('');
  }

  /** The whole envelopes so far, whatever their prefix. */
  get envelopes(): readonly string[] {
    return this.text.match(/<(\w+:)?Envelope[\s\S]*?<\/(\w+:)?Envelope>/g) ?? [];
  }

  /** The names of the events so far, in their order. */
  get events(): readonly string[] {
    return [...this.text.matchAll(/<(?:\w+:)?(\w+Event)[ >]/g)].map(([, name = '']) => name);
  }

  /** Waits until it holds (or, at most five seconds, gives up with what there is). */
  async until(holds: (stream: StreamClient) => boolean): Promise<void> {
    const deadline = Date.now() + 5_000;
    while (!holds(this)) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`The stream did not get there (${this.ending ?? 'open'}): ${this.text}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        const done = (): void => {
          clearTimeout(timer);
          this.#waiting.delete(done);
          resolve();
        };
        this.#waiting.add(done);
      });
    }
  }

  close(): void {
    this.#response.destroy();
  }

  #tell(): void {
    for (const done of [...this.#waiting]) done();
  }
}

/** Opens a stream on a connection of its own; resolves when its status line has come. */
export async function openStream(
  simulator: ExchangeSimulator,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<StreamClient> {
  const authorization = `Basic ${Buffer.from('gateway:secret').toString('base64')}`;
  const all = { 'content-type': 'text/xml; charset=utf-8', authorization, ...headers };
  return await new Promise((resolve, reject) => {
    httpRequest(simulator.url, { method: 'POST', headers: all, agent: false }, (response) =>
      resolve(new StreamClient(response)),
    )
      .on('error', reject)
      .end(body);
  });
}
