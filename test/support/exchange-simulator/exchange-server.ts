// What is done with each request that arrives, from its first header to the last byte of the answer.
// docs: Authentication and EWS in Exchange, https://learn.microsoft.com/exchange/client-developer/exchange-web-services/authentication-and-ews-in-exchange
//       SOAP 1.1 §6 (HTTP binding), https://www.w3.org/TR/2000/NOTE-SOAP-20000508/ ; RFC 7617 (Basic)

import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerToRequest } from './answer-to-request.ts';
import { type AvailabilityRequest, readAvailabilityRequest } from './availability-request.ts';
import type { Calendars } from './calendars.ts';
import type { Faults } from './faults.ts';
import {
  type HttpAnswer,
  htmlAnswer,
  loginPage,
  sendAnswer,
  unauthorized,
  waitUnlessGone,
  XML,
} from './http-answer.ts';
import type { Authorization, OpenRecord, RequestLog } from './request-log.ts';
import { Refusal } from './request-reader.ts';
import { writeFault } from './soap.ts';

export const PATH = '/EWS/Exchange.asmx';
const LONGEST_BODY = 4 * 1024 * 1024;

type ServerSettings = {
  readonly account: { readonly username: string; readonly password: string };
  readonly now: () => number;
  readonly think: number;
  readonly concurrency: number;
  /** What the official schemas have against a request. */
  readonly validate: (xml: string) => readonly string[];
};

export class ExchangeServer {
  readonly #settings: ServerSettings;
  readonly #calendars: Calendars;
  readonly #faults: Faults;
  readonly #log: RequestLog;
  readonly #serving = new Set<Promise<void>>();

  constructor(settings: ServerSettings, calendars: Calendars, faults: Faults, log: RequestLog) {
    this.#settings = settings;
    this.#calendars = calendars;
    this.#faults = faults;
    this.#log = log;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const serving = this.#serve(request, response).catch((error: unknown) => {
      // A client that goes away while it sends is no fault of the simulator; everything else is.
      if (request.complete) this.#log.reject(`The simulator failed: ${String(error)}`);
      response.destroy();
    });
    this.#serving.add(serving);
    await serving;
    this.#serving.delete(serving);
  }

  /** Resolves when nothing is being served any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#serving);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { now, think, concurrency } = this.#settings;
    const body = await readBody(request);
    const authorization = this.#authorize(request.headers.authorization);
    const record = this.#log.add({ at: now(), authorization, body: body === undefined ? '' : body.toString() });
    const answer = this.#answer(request, body, record, this.#serving.size > concurrency);
    if (think > 0) await waitUnlessGone(response, think);
    if (answer === 'hang') {
      await new Promise((resolve) => response.once('close', resolve));
      return;
    }
    if (!response.destroyed) record.status = answer.status;
    const acceptsGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
    await sendAnswer(response, answer, { now: now(), acceptsGzip });
  }

  #authorize(header: string | undefined): Authorization {
    if (header === undefined) return 'none';
    const [, credentials] = /^Basic +([\w+/=]+)$/i.exec(header) ?? [];
    const { username, password } = this.#settings.account;
    const given = Buffer.from(credentials ?? '', 'base64').toString();
    return given === `${username}:${password}` ? 'ok' : 'wrong';
  }

  #answer(
    request: IncomingMessage,
    body: Buffer | undefined,
    record: OpenRecord,
    isTooMany: boolean,
  ): HttpAnswer | 'hang' {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname.toLowerCase();
    if (path === '/owa/auth/logon.aspx') return loginPage();
    if (path !== PATH.toLowerCase()) return htmlAnswer(404, '404 - File or directory not found.');
    if (record.authorization !== 'ok') return unauthorized();
    const wrong = checkHttp(request, body);
    if (wrong !== undefined) {
      this.#log.reject(`HTTP ${wrong.status} for ${request.method} of ${request.headers['content-type']}`);
      return wrong;
    }
    const { style } = this.#faults;
    let asked: AvailabilityRequest;
    try {
      asked = this.#read(body as Buffer);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#log.reject(`${error.code}: ${error.message}`);
      return { status: 500, headers: XML, body: writeFault(style, error) };
    }
    this.#log.understood(record, asked);
    if (isTooMany) return answerToRequest({ kind: 'too-many-connections' }, asked, this.#calendars, this.#faults);
    return answerToRequest(this.#faults.takeRequestFault(), asked, this.#calendars, this.#faults);
  }

  #read(body: Buffer): AvailabilityRequest {
    const xml = decode(body);
    const asked = readAvailabilityRequest(xml);
    const [problem] = this.#settings.validate(xml);
    if (problem !== undefined) throw new Refusal('ErrorSchemaValidation', problem);
    return asked;
  }
}

/** The checks that come before SOAP. */
function checkHttp(request: IncomingMessage, body: Buffer | undefined): HttpAnswer | undefined {
  if (request.method !== 'POST') return htmlAnswer(405, '405 - The HTTP verb is not allowed.', { allow: 'POST' });
  if (body === undefined) return htmlAnswer(413, '413 - The request is too large.');
  const type = request.headers['content-type'] ?? '';
  if (!/^text\/xml\s*(;\s*charset="?utf-8"?\s*)?$/i.test(type)) {
    return htmlAnswer(415, '415 - The content type is not text/xml; charset=utf-8.');
  }
  return undefined;
}

/** UTF-8 to text, without a byte order mark. */
function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new Refusal('ErrorSchemaValidation', 'The request is not UTF-8');
  }
}

/** Reads the body to its end; undefined when it is too long. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= LONGEST_BODY) chunks.push(chunk);
  }
  return length <= LONGEST_BODY ? Buffer.concat(chunks) : undefined;
}
