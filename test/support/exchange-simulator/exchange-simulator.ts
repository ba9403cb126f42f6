// An Exchange server as far as its presence goes: a real HTTP(S) server, as strict and as nasty as the real one.
// docs: GetUserAvailability operation, https://learn.microsoft.com/exchange/client-developer/web-service-reference/getuseravailability-operation
//       EWS throttling in Exchange, https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange
//       Impersonation and EWS in Exchange, https://learn.microsoft.com/exchange/client-developer/exchange-web-services/impersonation-and-ews-in-exchange
// Each file's header says where what it does is documented, and what is from judgement.

import { systemClock } from '../../../adapters/runtime/system-clock.ts';
import type { Clock } from '../../../component/runtime/clock.ts';
import type { Account } from './authentication/account.ts';
import { type FrontEndOptions, makeFrontEnd } from './authentication/front-end.ts';
import { AutodiscoverDirectory } from './autodiscover/autodiscover-directory.ts';
import { autodiscoverService } from './autodiscover/autodiscover-service.ts';
import type { MailTipsLimits } from './automatic-replies/mail-tips-operation.ts';
import { type AvailabilityLimits, availabilityLimits } from './availability-request.ts';
import { Backends } from './backends.ts';
import type { Calendars } from './calendars.ts';
import type { EventStream } from './event-stream.ts';
import { ewsService } from './ews-operations.ts';
import { ExchangeServer } from './exchange-server.ts';
import { Faults } from './faults.ts';
import { Listener } from './listener.ts';
import { Notifications } from './notifications.ts';
import { type AfterMove, type Host, Organisation } from './organisation.ts';
import { type RecordedRequest, RequestLog } from './request-log.ts';
import { Subscriptions } from './subscriptions.ts';
import { type EwsBudget, Throttle, type ThrottlingPolicy } from './throttle.ts';

export type ExchangeSimulatorOptions = FrontEndOptions & {
  /** 0 (default): any free port. */
  readonly port?: number;
  /** Simulators of one organisation have the same calendars, and mailboxes can move between them. Default: its own */
  readonly organisation?: Organisation;
  /** Epoch milliseconds, in place of the clock's. */
  readonly now?: () => number;
  /** For all that the server does by itself: heartbeats, expiry, budgets. Default: the machine's */
  readonly clock?: Clock;
  /** The folder of the official schemas; '': only the structural checks are made. Default: $EWS_SCHEMAS, or ''. */
  readonly schemas?: string;
  /** Milliseconds before each answer, by the machine's clock. Default: 0 */
  readonly think?: number;
  /** EWSMaxConcurrency: more requests at once get ErrorExceededConnectionCount. Default: 27 */
  readonly concurrency?: number;
  /** HangingConnectionLimit: more streams at once get the same. Default: 10, as since Exchange 2016; 2013 had 3 */
  readonly hangingConnections?: number;
  /** EWSMaxSubscriptions: more get ErrorExceededSubscriptionCount. Default: 5000; Exchange Online has 20 */
  readonly subscriptions?: number;
  /** A budget of execution time: who has overdrawn it gets ErrorServerBusy until it is balanced. Default: unlimited */
  readonly budget?: EwsBudget;
  /** MaxRecipientsPerGetMailTipsRequest: more recipients at once are an error. Default: 50 */
  readonly mailTips?: number;
  /** Whether the account has the role ApplicationImpersonation, for all mailboxes or for some. Default: false */
  readonly impersonation?: boolean | ((mailbox: string) => boolean);
  /** How many mailbox servers stand behind the address; mailboxes are spread over them. Default: 1 */
  readonly backends?: number;
  /** Decides on which of them requests land that do not say where they belong. Default: 1 */
  readonly seed?: number;
};

/** What it takes at once. */
export type ServerLimits = ThrottlingPolicy & AvailabilityLimits & MailTipsLimits;

export interface ExchangeSimulator {
  /** …/EWS/Exchange.asmx */
  readonly url: string;
  readonly port: number;
  /** …/autodiscover/autodiscover.svc */
  readonly autodiscoverUrl: string;
  /** What Autodiscover says that is not simply the truth. */
  readonly autodiscover: AutodiscoverDirectory;
  /** Its organisation's. */
  readonly calendars: Calendars;
  readonly account: Account;
  /** This server, for the organisation. */
  readonly host: Host;
  readonly faults: Faults;
  /** They hold from the next request on, whenever they are changed. */
  readonly limits: ServerLimits;
  readonly notifications: Notifications;
  /** What was asked, in order of arrival: the last 10,000, the last 1,000 of them with their bodies. */
  readonly requests: readonly RecordedRequest[];
  /** Why requests were refused as invalid; a test asserts that it is empty. */
  readonly rejections: readonly string[];
  /**
   * Moves a mailbox to another server of the organisation, from wherever it is.
   *
   * @param afterMove what all others say of it from now on. Default: proxy-not-allowed
   * @throws Error when there is no such mailbox, or the server is of another organisation
   */
  moveMailbox(address: string, other: ExchangeSimulator, afterMove?: AfterMove): void;
  /** Also cuts the connections that hang. */
  stop(): Promise<void>;
}

/** Starts one on 127.0.0.1; rejects when the port is taken or the schemas can't be read. */
export async function startExchangeSimulator(options: ExchangeSimulatorOptions = {}): Promise<ExchangeSimulator> {
  const { think = 0, impersonation = false, schemas = process.env.EWS_SCHEMAS, clock = systemClock } = options;
  const now = options.now ?? (() => clock.now());
  const { account, authenticator } = makeFrontEnd(options, now);
  const validate = await loadValidator(schemas);
  const organisation = options.organisation ?? new Organisation();
  const { calendars } = organisation;
  const log = new RequestLog();
  let stopped = false;
  const faults = new Faults({
    close: () => listener.close(),
    open: () => {
      if (!stopped) listener.reopen();
    },
  });
  const limits: ServerLimits = {
    ...availabilityLimits,
    mailTips: options.mailTips ?? 50,
    concurrency: options.concurrency ?? 27,
    hangingConnections: options.hangingConnections ?? 10,
    subscriptions: options.subscriptions ?? 5_000,
    budget: options.budget,
  };
  const backends = new Backends(options.backends ?? 1, options.seed ?? 1);
  const origin = (): string => `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${listener.port}`;
  const host: Host = {
    get url() {
      return `${origin()}${ews.path}`;
    },
  };
  const throttle = new Throttle(limits, now);
  const subscriptions = new Subscriptions(now);
  calendars.observe((change) => subscriptions.notice(change));
  const streams = new Set<EventStream>();
  const notifications = new Notifications(subscriptions, streams, backends);
  const isSecure = options.tls !== undefined;
  const ews = ewsService({
    calendars,
    organisation,
    host,
    faults,
    validate,
    subscriptions,
    throttle,
    backends,
    isSecure,
    clock,
    streams,
    now,
    limits,
  });
  const autodiscover = new AutodiscoverDirectory(organisation);
  const autodiscoverSoap = autodiscoverService(autodiscover, faults);
  const server = new ExchangeServer(
    {
      now,
      think,
      mayImpersonate: (_account, mailbox) =>
        typeof impersonation === 'boolean' ? impersonation : impersonation(mailbox),
      services: [ews, autodiscoverSoap],
    },
    {
      calendars,
      faults,
      log,
      authenticator,
      throttle,
      backends,
      organisation,
      host,
    },
  );
  const listener = new Listener((request, response) => void server.serve(request, response), options.tls);
  await listener.open(options.port ?? 0);
  organisation.join(host, (mailbox) => notifications.loseMailbox(mailbox));
  return {
    url: host.url,
    autodiscoverUrl: `${origin()}${autodiscoverSoap.path}`,
    autodiscover,
    account,
    host,
    port: listener.port,
    calendars,
    faults,
    limits,
    notifications,
    requests: log.requests,
    rejections: log.rejections,
    moveMailbox: (address, other, afterMove = 'proxy-not-allowed') => organisation.move(address, other.host, afterMove),
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
