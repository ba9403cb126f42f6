// An Exchange server as far as GetUserAvailability goes: a real HTTP(S) server, as strict and as nasty as the real one.
// docs: GetUserAvailability operation, https://learn.microsoft.com/exchange/client-developer/web-service-reference/getuseravailability-operation
//       EWS throttling in Exchange, https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange
//       Authentication and EWS in Exchange, https://learn.microsoft.com/exchange/client-developer/exchange-web-services/authentication-and-ews-in-exchange

import { Calendars } from './calendars.ts';
import { ExchangeServer, PATH } from './exchange-server.ts';
import { Faults } from './faults.ts';
import { Listener } from './listener.ts';
import { type RecordedRequest, RequestLog } from './request-log.ts';

export type ExchangeSimulatorOptions = {
  /** 0 (default): any free port. */
  readonly port?: number;
  /** PEM texts; HTTPS when given. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** The one account, for Basic authentication. Default: gateway, secret. */
  readonly account?: { readonly username: string; readonly password: string };
  /** Epoch milliseconds, for the Date header and the record of requests. Default: Date.now */
  readonly now?: () => number;
  /** The folder of the official schemas; '': only the structural checks are made. Default: $EWS_SCHEMAS, or ''. */
  readonly schemas?: string;
  /** Milliseconds before each answer. Default: 0 */
  readonly think?: number;
  /** The account's EWSMaxConcurrency: more requests at once get ErrorExceededConnectionCount. Default: 27 */
  readonly concurrency?: number;
};

export interface ExchangeSimulator {
  /** …/EWS/Exchange.asmx */
  readonly url: string;
  readonly port: number;
  readonly calendars: Calendars;
  readonly faults: Faults;
  /** What was asked, in order of arrival: the last 10,000, the last 1,000 of them with their bodies. */
  readonly requests: readonly RecordedRequest[];
  /** Why requests were refused as invalid; a test asserts that it is empty. */
  readonly rejections: readonly string[];
  /** Also cuts the connections that hang. */
  stop(): Promise<void>;
}

/** Starts one on 127.0.0.1; rejects when the port is taken or the schemas can't be read. */
export async function startExchangeSimulator(options: ExchangeSimulatorOptions = {}): Promise<ExchangeSimulator> {
  const { now = Date.now, think = 0, concurrency = 27, schemas = process.env.EWS_SCHEMAS } = options;
  const account = options.account ?? { username: 'gateway', password: 'secret' };
  const validate = await loadValidator(schemas);
  const calendars = new Calendars();
  const log = new RequestLog();
  let stopped = false;
  const faults = new Faults({
    close: () => listener.close(),
    open: () => {
      if (!stopped) listener.reopen();
    },
  });
  const server = new ExchangeServer({ account, now, think, concurrency, validate }, calendars, faults, log);
  const listener = new Listener((request, response) => void server.serve(request, response), options.tls);
  await listener.open(options.port ?? 0);
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${listener.port}${PATH}`,
    port: listener.port,
    calendars,
    faults,
    requests: log.requests,
    rejections: log.rejections,
    stop: async () => {
      stopped = true;
      listener.close();
      await server.idle();
    },
  };
}

/** The schema library is loaded only where it is needed. */
async function loadValidator(schemas: string | undefined): Promise<(xml: string) => readonly string[]> {
  if (schemas === undefined || schemas === '') return () => [];
  const { validateEws } = await import('./schema.ts');
  const validate = (xml: string): readonly string[] => validateEws(xml, schemas);
  validate('<warm-up/>');
  return validate;
}
