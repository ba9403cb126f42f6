// What is done with each request that arrives, from its first header to the last byte of the answer.
// docs: SOAP 1.1 §6 (HTTP binding), https://www.w3.org/TR/2000/NOTE-SOAP-20000508/
//       Impersonation and EWS in Exchange, https://learn.microsoft.com/exchange/client-developer/exchange-web-services/impersonation-and-ews-in-exchange
//       ResponseCode (ErrorImpersonateUserDenied, ErrorNonExistentMailbox),
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode

import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerToRequest } from './answer-to-request.ts';
import type { Authenticated, Authenticator } from './authenticator.ts';
import type { Backends } from './backends.ts';
import type { Calendars } from './calendars.ts';
import type { Faults, RequestFault } from './faults.ts';
import { type HttpAnswer, htmlAnswer, loginPage, sendAnswer, waitUnlessGone, XML } from './http-answer.ts';
import type { Asked, Caller, Operation } from './operation.ts';
import type { Host, Organisation } from './organisation.ts';
import type { OpenRecord, RequestLog } from './request-log.ts';
import { Refusal } from './request-reader.ts';
import { type SoapFault, writeFault } from './soap.ts';
import { budgetOwner, type Throttle } from './throttle.ts';
import type { WebService } from './web-service.ts';

const LONGEST_BODY = 4 * 1024 * 1024;

type ServerSettings = {
  readonly now: () => number;
  readonly think: number;
  /** Whether an account may impersonate a mailbox. */
  readonly mayImpersonate: (account: string, mailbox: string) => boolean;
  readonly services: readonly WebService[];
};

/** What the simulator is made of, as far as a request meets it. */
type World = {
  readonly calendars: Calendars;
  readonly faults: Faults;
  readonly log: RequestLog;
  readonly authenticator: Authenticator;
  readonly throttle: Throttle;
  readonly backends: Backends;
  /** Which server this is, and of which organisation. */
  readonly organisation: Organisation;
  readonly host: Host;
};

type Understood = {
  readonly name: string;
  readonly operation: Operation;
  readonly request: Asked;
  readonly caller: Caller;
};

/** What is sent, and what is given back afterwards. */
type Outcome = { readonly answer: HttpAnswer | 'hang'; readonly done?: () => void };

export class ExchangeServer {
  readonly #settings: ServerSettings;
  readonly #world: World;
  readonly #serving = new Set<Promise<void>>();

  constructor(settings: ServerSettings, world: World) {
    this.#settings = settings;
    this.#world = world;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const serving = this.#serve(request, response).catch((error: unknown) => {
      // A client that goes away while it sends is no fault of the simulator; everything else is.
      if (request.complete) this.#world.log.reject(`The simulator failed: ${String(error)}`);
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
    const { now, think } = this.#settings;
    const body = await readBody(request);
    const who = await this.#world.authenticator.authenticate(request);
    const record = this.#world.log.add({
      at: now(),
      authorization: who.authorization,
      body: body === undefined ? '' : body.toString(),
      headers: request.headers,
    });
    const { answer, done } = this.#answer(request, body, record, who);
    try {
      if (think > 0) await waitUnlessGone(response, think);
      if (answer === 'hang') {
        if (!response.destroyed) await new Promise((resolve) => response.once('close', resolve));
        return;
      }
      if (!response.destroyed) record.status = answer.status;
      const acceptsGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
      await sendAnswer(response, answer, { now: now(), acceptsGzip });
    } finally {
      done?.();
    }
  }

  #answer(request: IncomingMessage, body: Buffer | undefined, record: OpenRecord, who: Authenticated): Outcome {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname.toLowerCase();
    if (path === '/owa/auth/logon.aspx') return { answer: loginPage() };
    const service = this.#settings.services.find((one) => one.path.toLowerCase() === path);
    if (service === undefined) return { answer: htmlAnswer(404, '404 - File or directory not found.') };
    const answer = service.intercept?.() ?? who.answer;
    if (answer !== undefined) return { answer };
    const wrong = checkHttp(request, body);
    if (wrong !== undefined) {
      this.#world.log.reject(`HTTP ${wrong.status} for ${request.method} of ${request.headers['content-type']}`);
      return { answer: wrong };
    }
    let understood: Understood;
    try {
      understood = this.#read(service, request, body as Buffer, who);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#world.log.reject(`${error.code}: ${error.message}`);
      return { answer: service.fault?.(error) ?? this.#fault(error) };
    }
    this.#world.log.understood(record, understood.name, understood.caller, understood.request);
    return this.#perform(understood);
  }

  #read(service: WebService, { headers }: IncomingMessage, body: Buffer, who: Authenticated): Understood {
    const { backends, calendars } = this.#world;
    const xml = decode(body);
    const { operation: element, impersonated, zone } = service.read(xml);
    this.#checkImpersonation(service, who, impersonated);
    const operation = element.uri === service.namespace ? service.operations.get(element.local) : undefined;
    if (operation === undefined) {
      throw new Refusal('ErrorInvalidRequest', `The operation ${element.local} is not served here`);
    }
    const backend = backends.route(headers, (mailbox) => calendars.access(mailbox) !== undefined);
    const caller: Caller = { account: who.account, impersonated, zone, headers, backend };
    const request = operation.read(element, caller);
    const [problem] = service.validate(xml);
    if (problem !== undefined) throw new Refusal('ErrorSchemaValidation', problem);
    return { name: element.local, operation, request, caller };
  }

  /** @throws Refusal */
  #checkImpersonation(service: WebService, who: Authenticated, impersonated: string | undefined): void {
    if (who.isApplication === true) {
      if (impersonated !== undefined || service.appsImpersonate !== true) return;
      const message = 'ExchangeImpersonation SOAP header must be present for this type of OAuth token.';
      throw new Refusal('ErrorInvalidExchangeImpersonationHeaderData', message);
    }
    if (impersonated !== undefined && !this.#settings.mayImpersonate(who.account, impersonated)) {
      throw new Refusal('ErrorImpersonateUserDenied', 'The account may not impersonate that user');
    }
  }

  /** What a request is answered that is as it should be. */
  #perform({ name, operation, request, caller }: Understood): Outcome {
    const { authenticator, calendars, faults, throttle, organisation, host } = this.#world;
    const { impersonated } = caller;
    const perform = (fault: RequestFault | undefined): HttpAnswer | 'hang' => {
      try {
        if (fault?.kind === 'unauthorized') return authenticator.challenge();
        return answerToRequest(fault, operation, request, caller, faults);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        return this.#fault(error);
      }
    };
    if (impersonated !== undefined && calendars.access(impersonated) === undefined) {
      const message = 'The SMTP address has no mailbox associated with it.';
      return { answer: this.#fault({ code: 'ErrorNonExistentMailbox', message }) };
    }
    if (impersonated !== undefined) {
      const error = organisation.errorFor(impersonated, host);
      const answer = error === undefined ? organisation.redirectFor([impersonated], host) : this.#fault(error);
      if (answer !== undefined) return { answer };
    }
    const owner = budgetOwner(caller);
    const backOff = throttle.lockedFor(owner);
    if (backOff !== undefined) return { answer: perform({ kind: 'busy-fault', backOff }) };
    const isStream = operation.isStream === true;
    const isTaken = isStream ? throttle.takeHanging(owner) : throttle.takeRequest(owner);
    if (!isTaken) {
      const policy = isStream ? 'MaxStreamingConcurrency' : 'MaxConcurrency';
      return { answer: perform({ kind: 'too-many-connections', policy }) };
    }
    const began = this.#settings.now();
    return {
      answer: perform(faults.takeRequestFault(name)),
      done: () => {
        if (isStream) throttle.giveHanging(owner);
        else {
          throttle.giveRequest(owner);
          throttle.charge(owner, this.#settings.now() - began);
        }
      },
    };
  }

  #fault(content: SoapFault): HttpAnswer {
    return { status: 500, headers: XML, body: writeFault(this.#world.faults.style, content) };
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
