import type { ExchangeService } from 'ews-javascript-api';
import { CalendarSourceError } from '../../component/calendar/calendar-source-error.ts';
import type { Mailbox } from '../../component/directory/directory.ts';
import type { Clock } from '../../component/runtime/clock.ts';
import { errorOfAnswer, limitBackOff } from './ews-error.ts';
import { withDeadline } from './http/deadline.ts';
import type { EwsAnswer, EwsTransport } from './http/ews-transport.ts';
import { kindOfResponseCode } from './response-code.ts';
import { type BodyHandler, SoapReader } from './xml/soap.ts';
import { anchorHeaders } from './xml/soap-envelope.ts';
import { escapeXml } from './xml/xml-text.ts';

export type EwsModule = typeof import('ews-javascript-api');

export type LibraryCallOptions = {
  readonly transport: EwsTransport;
  readonly clock: Clock;
  /** How long the whole call may take, in milliseconds. */
  readonly limit: number;
  readonly signal: AbortSignal;
  /** The mailbox in whose name it is asked; the account needs the ApplicationImpersonation role for it. */
  readonly impersonate?: Mailbox | undefined;
  /** HTTP headers besides the usual ones. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Told of the head of a good answer, before the library reads the rest. */
  readonly onAnswer?: ((answer: EwsAnswer) => void) | undefined;
};

/**
 * The greatest answer that the library is given, in bytes. It reads one in one go: 30 MiB held the process for 4 s and
 * took 560 MB (measured). What it is asked for takes some ten thousand bytes, and the longest automatic replies a few
 * hundred thousand.
 */
const MOST = 1024 * 1024;

/** What of ews-javascript-api's XMLHttpRequest it reads of a good answer. */
type LibraryRequest = { readonly data?: string; readonly headers?: Readonly<Record<string, string>> };
type LibraryResponse = {
  readonly status: number;
  readonly responseText: string;
  readonly message?: string;
  readonly headers: Readonly<Record<string, string>>;
  getAllResponseHeaders(): string;
  getResponseHeader(name: string): string | null;
};

/**
 * Runs an operation of ews-javascript-api (0.15.3) over our own transport, for what is asked seldom: loading it takes a
 * second and 55 MB, and reading a great answer with it blocks the process. One service serves one call.
 *
 * What was seen to go wrong in it, and is kept from the caller:
 * - an empty or broken answer with HTTP 500 never settles its promise, and an exception inside its handlers becomes an
 *   unhandled rejection, which ends the process: so it only ever sees answers that we have read and found good
 * - a fault with HTTP 200 loses its code: such an answer is ours to interpret, too
 * - the back-off of an error inside a good answer is not to be had from it: it is taken from the message
 * - its `Timeout` does nothing, and it can't be aborted: `limit` and `signal` do both
 * - it writes texts into its requests as they are: what may hold an `&` must be escaped before (`escapeXml`)
 * - it wants credentials of its own and puts them into each request: the transport has the real ones
 *
 * @throws CalendarSourceError; the signal's reason when aborted
 */
export async function callEwsLibrary<Result>(
  options: LibraryCallOptions,
  call: (service: ExchangeService, ews: EwsModule) => Promise<Result>,
): Promise<Result> {
  const tooLate = () => new CalendarSourceError('unreachable', 'Exchange did not answer in time', { code: 'TIMEOUT' });
  return withDeadline(options, tooLate, async (signal) => {
    const ews = await loadEwsLibrary();
    let failure: unknown;
    let backOff: number | undefined;
    const onBackOff = (milliseconds: number | undefined) => {
      backOff = milliseconds;
    };
    const service = createService(ews, options.transport, (request) =>
      fetchForLibrary({ ...options, signal, onBackOff }, request).catch((error: unknown) => {
        failure = error;
        throw harmlessRejection();
      }),
    );
    if (options.impersonate !== undefined) {
      service.ImpersonatedUserId = new ews.ImpersonatedUserId(
        ews.ConnectingIdType.SmtpAddress,
        escapeXml(options.impersonate),
      );
    }
    try {
      return await call(service, ews);
    } catch (error) {
      throw failure instanceof Error ? failure : libraryError(error, ews, backOff);
    }
  });
}

/** Loads ews-javascript-api; the module system keeps it. */
export async function loadEwsLibrary(): Promise<EwsModule> {
  const loaded = await import('ews-javascript-api');
  return loaded;
}

function createService(
  ews: EwsModule,
  transport: EwsTransport,
  xhr: (request: LibraryRequest) => Promise<LibraryResponse>,
): ExchangeService {
  const service = new ews.ExchangeService(ews.ExchangeVersion.Exchange2013, ews.TimeZoneInfo.Utc);
  service.Url = new ews.Uri(transport.url);
  // It refuses to work without any, and puts these into a header that is not passed on.
  service.Credentials = new ews.WebCredentials('not', 'used');
  service.XHRApi = {
    apiName: 'presence-gateway',
    // The declared type is a browser's XMLHttpRequest; the library reads only what a LibraryResponse has.
    xhr: (request) => xhr(request as LibraryRequest) as never,
    xhrStream: () => Promise.reject(harmlessRejection()),
    disconnect: () => {},
  };
  return service;
}

type FetchOptions = LibraryCallOptions & { readonly onBackOff: (milliseconds: number | undefined) => void };

async function fetchForLibrary(
  { transport, clock, signal, impersonate, headers: extra, onAnswer, onBackOff }: FetchOptions,
  request: LibraryRequest,
): Promise<LibraryResponse> {
  const soap = new SoapReader(ignoreBody);
  let responseText = '';
  const body = request.data ?? '';
  const sent = { ...anchorHeaders(impersonate), ...operationHeaders(request), ...extra };
  const answer = await transport.post({ body, headers: sent, signal, limits: { answerBytes: MOST } }, (text) => {
    soap.write(text);
    responseText += text;
  });
  const message = soap.end();
  const error = errorOfAnswer(answer, message, clock.now());
  if (error !== undefined) throw error;
  onBackOff(message.backOff);
  onAnswer?.(answer);
  const { status, headers } = answer;
  return response(status, responseText, Object.fromEntries(headers));
}

const ignoreBody: BodyHandler = { open() {}, close() {} };

/** Of the library's headers only those of its operations: not its empty credentials, nor its wish for compression. */
function operationHeaders(request: LibraryRequest): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(request.headers ?? {}).filter(([name]) => /^x-/i.test(name)));
}

/** A rejection that the library's error handlers get through without throwing: any status but 500 and 456. */
function harmlessRejection(): LibraryResponse & Error {
  return Object.assign(new Error('The request failed'), response(0, '', {}));
}

function response(status: number, responseText: string, headers: Readonly<Record<string, string>>): LibraryResponse {
  return {
    status,
    responseText,
    headers,
    getAllResponseHeaders: () => '',
    getResponseHeader: (name) => headers[name.toLowerCase()] ?? null,
  };
}

/** An error that the library itself made of a good answer: its text may name people and stays in the `cause`. */
function libraryError(error: unknown, ews: EwsModule, backOff: number | undefined): CalendarSourceError {
  // A ServiceResponseException has the number of a member of the ServiceError enumeration.
  const number = (error as { ErrorCode?: unknown } | null)?.ErrorCode;
  const code = typeof number === 'number' ? ews.ServiceError[number] : undefined;
  return code === undefined
    ? new CalendarSourceError('malformed', 'ews-javascript-api can not make sense of the answer', { cause: error })
    : new CalendarSourceError(kindOfResponseCode(code), `Exchange answered ${code}`, {
        ...limitBackOff(backOff),
        code,
        cause: error,
      });
}
