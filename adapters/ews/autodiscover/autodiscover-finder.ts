import type { AccountGuard } from '../../../component/calendar/account-guard.ts';
import type { CalendarSource, FreeBusyAnswer, Referral } from '../../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { RequestBudget } from '../../../component/calendar/request-budget.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import { HOUR, type Instant, MINUTE } from '../../../component/runtime/clock.ts';
import type { Logger } from '../../../component/runtime/logger.ts';
import { withDeadline } from '../http/deadline.ts';
import {
  createEwsTransport,
  defaultEwsLimits,
  type EwsTransport,
  type EwsTransportOptions,
} from '../http/ews-transport.ts';
import { impossible, isPossible } from '../possible-mailbox.ts';
import { anchorHeaders } from '../xml/soap-envelope.ts';
import { type DiscoveryNetwork, discoveryNetwork } from './discovery-network.ts';
import { type ClosableSource, EndpointSource } from './endpoint-source.ts';
import { getUserSettings, MAX_USERS } from './get-user-settings.ts';
import { domainOf, type LocatorOptions, locateMailboxes } from './locate-mailboxes.ts';
import { MailboxLocations } from './mailbox-locations.ts';
import { ServiceDirectory } from './service-directory.ts';
import { trustedHosts } from './trusted-hosts.ts';

/** A server that Autodiscover has named. */
export type Endpoint = {
  /** For the log: the configured name and the host. */
  readonly name: string;
  readonly url: string;
  /** Mailboxes of one group may share a streaming connection (GroupingInformation). */
  readonly groupOf: (mailbox: Mailbox) => string | undefined;
};

export type AutodiscoverFinderOptions = {
  /** The configured name of the server. */
  readonly name: string;
  /** The address of the Autodiscover service; undefined: it is found by the mail domain. */
  readonly url?: string | undefined;
  /** Hosts besides those in the mail domain that may have our password: names, or `*.example.com`. */
  readonly hosts: readonly string[];
  /** The mail domains of the server. */
  readonly domains?: readonly string[] | undefined;
  /** The mailbox in whose name free/busy is asked. */
  readonly impersonate?: Mailbox | undefined;
  readonly connection: Omit<EwsTransportOptions, 'url' | 'connections'>;
  readonly logger: Logger;
  readonly random?: (() => number) | undefined;
  /** Shared by all servers that are asked with the same account, and by all behind the same proxy. Default: none */
  readonly account?: AccountGuard | undefined;
  readonly proxyAccount?: AccountGuard | undefined;
  /** Makes the calendar source of a server. @throws RangeError when its address can't be used */
  readonly openEndpoint: (endpoint: Endpoint) => ClosableSource;
  /** For tests. */
  readonly network?: DiscoveryNetwork | undefined;
  readonly openTransport?: ((options: EwsTransportOptions) => EwsTransport) | undefined;
};

/** How many look-ups may be under way. */
const CONCURRENCY = 4;
/** More servers than this have no house; a service that makes them up must not fill the memory. */
const MOST_ENDPOINTS = 500;
const MOST_SERVICES = 50;
/** For a look-up, besides one request: who was not found by then is looked for another time, and keeps nobody waiting. */
const LONGEST_LOOK_UP = 2 * MINUTE;

/** How long nobody of a mail domain is looked for whose service refuses the account that others accept. */
const REFUSED_FOR = HOUR;

/** An Autodiscover service that was asked, and how many requests to it are under way. */
type Service = { readonly transport: EwsTransport; underWay: number };

/**
 * A calendar source that has no calendars, but knows who has: it refers each mailbox to the source of the server that
 * Autodiscover names for it. That source sends it back here when the server denies having it, and once a day.
 *
 * Look-ups have a budget of their own; each server that is found has one, too; all of them share the accounts' guards.
 */
export function createAutodiscoverFinder(options: AutodiscoverFinderOptions): ClosableSource {
  return new AutodiscoverFinder(options);
}

class AutodiscoverFinder implements ClosableSource {
  readonly name: string;
  readonly batchSize = MAX_USERS;
  readonly budget: RequestBudget;
  readonly changes = undefined;
  readonly #options: AutodiscoverFinderOptions;
  readonly #logger: Logger;
  readonly #locations: MailboxLocations;
  readonly #services: ServiceDirectory;
  readonly #trusts: ReturnType<typeof trustedHosts>;
  /** The one asked last stands last. */
  readonly #asked = new Map<string, Service>();
  readonly #endpoints = new Map<string, EndpointSource>();
  /** Mail domains, and until when they are left alone. */
  readonly #refusedDomains = new Map<string, Instant>();
  #isAccepted = false;

  constructor(options: AutodiscoverFinderOptions) {
    const { connection, url, hosts, domains = [], account, proxyAccount, random = Math.random } = options;
    const { clock } = connection;
    this.#options = options;
    this.name = `${options.name} (Autodiscover)`;
    this.#logger = options.logger.child({ server: this.name });
    this.budget = new RequestBudget({ name: this.name, concurrency: CONCURRENCY, random, account, proxyAccount });
    this.#locations = new MailboxLocations(clock, random);
    this.#trusts = trustedHosts({ url, hosts, domains });
    const network = options.network ?? discoveryNetwork(connection);
    this.#services = new ServiceDirectory({ url, network, clock, trusts: this.#trusts, logger: this.#logger });
  }

  async freeBusy(
    mailboxes: readonly Mailbox[],
    _window: unknown,
    signal: AbortSignal,
  ): Promise<readonly (FreeBusyAnswer | Referral)[]> {
    if (mailboxes.length > MAX_USERS) throw new RangeError(`More than ${MAX_USERS} mailboxes in a look-up`);
    const answers = new Map<Mailbox, FreeBusyAnswer | Referral>();
    const open: Mailbox[] = [];
    for (const mailbox of mailboxes) {
      const known = this.#locations.current(mailbox);
      if (!isPossible(mailbox)) answers.set(mailbox, impossible(mailbox));
      else if (known !== undefined) answers.set(mailbox, this.#refer(mailbox, known.url));
      else if (this.#locations.isContradicted(mailbox)) answers.set(mailbox, contradiction(mailbox));
      else if (this.#isRefused(mailbox)) answers.set(mailbox, { mailbox, error: refused() });
      else open.push(mailbox);
    }
    if (open.length > 0) {
      await this.budget.run(this.#options.connection.clock, () => this.#locate(open, answers, signal));
    }
    return mailboxes.map((mailbox) => answers.get(mailbox) ?? { mailbox, error: lost() });
  }

  async close(): Promise<void> {
    const transports = [...this.#asked.values()].map(({ transport }) => transport);
    const closing = [...this.#endpoints.values(), ...transports];
    await Promise.all(closing.map((one) => one.close()));
  }

  async #locate(
    mailboxes: readonly Mailbox[],
    answers: Map<Mailbox, FreeBusyAnswer | Referral>,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock } = this.#options.connection;
    const late = tooLate();
    const locator: LocatorOptions = {
      trusts: this.#trusts,
      serviceOf: (domain, ending) => this.#services.of(domain, ending),
      ask: (service, addresses, ending) => this.#ask(service, addresses, ending),
      onLocation: (mailbox, found) => {
        if (found instanceof CalendarSourceError) answers.set(mailbox, { mailbox, error: found });
        else if (this.#locations.found(mailbox, found)) answers.set(mailbox, this.#refer(mailbox, found.url));
        else answers.set(mailbox, contradiction(mailbox));
      },
    };
    try {
      await withDeadline(
        { clock, limit: LONGEST_LOOK_UP + this.#requestLimit, signal },
        () => late,
        (ending) => locateMailboxes(mailboxes, locator, ending),
      );
    } catch (error) {
      const unanswered = mailboxes.filter((mailbox) => !answers.has(mailbox));
      if (error !== late || unanswered.length === mailboxes.length) throw error;
      for (const mailbox of unanswered) answers.set(mailbox, { mailbox, error: late });
    }
  }

  #isRefused(mailbox: Mailbox): boolean {
    const domain = domainOf(mailbox);
    const until = this.#refusedDomains.get(domain);
    if (until === undefined) return false;
    // One from the far future is from before the clock was set back.
    const now = this.#options.connection.clock.now();
    if (now < until && until <= now + REFUSED_FOR) return true;
    this.#refusedDomains.delete(domain);
    return false;
  }

  get #requestLimit(): number {
    return this.#options.connection.limits?.request ?? defaultEwsLimits.request;
  }

  async #ask(service: string, addresses: readonly Mailbox[], signal: AbortSignal) {
    const { connection, impersonate } = this.#options;
    const headers = anchorHeaders(impersonate);
    const asked = this.#open(service);
    const { transport } = asked;
    asked.underWay++;
    try {
      const request = { clock: connection.clock, limit: this.#requestLimit, signal, headers, transport };
      const settings = await getUserSettings(request, addresses);
      this.#isAccepted = true;
      return settings;
    } catch (error) {
      // What does not answer any more may have moved.
      if (error instanceof CalendarSourceError && error.kind !== 'throttled') this.#services.forget(service);
      // One service among several that is none of ours must not end the look-ups of all.
      if (!this.#isAccepted || !(error instanceof CalendarSourceError) || error.kind !== 'unauthorized') throw error;
      const until = connection.clock.now() + REFUSED_FOR;
      for (const address of addresses) this.#refusedDomains.set(domainOf(address), until);
      throw refused();
    } finally {
      asked.underWay--;
    }
  }

  #open(url: string): Service {
    const { connection, openTransport = createEwsTransport } = this.#options;
    const create = () => ({ transport: openTransport({ ...connection, url, connections: CONCURRENCY }), underWay: 0 });
    const service = this.#asked.get(url) ?? create();
    this.#asked.delete(url);
    this.#asked.set(url, service);
    if (this.#asked.size > MOST_SERVICES) this.#closeIdle();
    return service;
  }

  /** Closes the service that was left alone for the longest time; one that is being asked is none. */
  #closeIdle(): void {
    for (const [url, { transport, underWay }] of [...this.#asked].slice(0, -1)) {
      if (underWay > 0) continue;
      this.#asked.delete(url);
      void transport.close();
      return;
    }
  }

  #refer(mailbox: Mailbox, url: string): FreeBusyAnswer | Referral {
    const servedBy = this.#endpoint(url);
    return servedBy === undefined ? { mailbox, error: tooMany() } : { mailbox, servedBy };
  }

  #endpoint(url: string): CalendarSource | undefined {
    const known = this.#endpoints.get(url);
    if (known !== undefined) return known;
    if (this.#endpoints.size >= MOST_ENDPOINTS) return undefined;
    const { name, openEndpoint } = this.#options;
    const { host } = new URL(url);
    const groupOf = (mailbox: Mailbox) => this.#locations.groupOf(mailbox);
    const source = openEndpoint({ name: `${name} (${host})`, url, groupOf });
    const endpoint = new EndpointSource({ source, url, finder: this, locations: this.#locations });
    this.#endpoints.set(url, endpoint);
    this.#logger.info('Autodiscover has named an Exchange server', { url });
    return endpoint;
  }
}

function contradiction(mailbox: Mailbox): FreeBusyAnswer {
  const error = new CalendarSourceError(
    'wrong-server',
    'The server that Autodiscover names for the mailbox says that it does not have it; it may be moving',
    { code: 'CONTRADICTION', retryAfter: 10 * MINUTE },
  );
  return { mailbox, error };
}

/** `access-denied`: the account itself is in no doubt, and an administrator must mend the rest. */
function refused(): CalendarSourceError {
  return new CalendarSourceError(
    'access-denied',
    'The Autodiscover service of the mail domain refuses the account that others accept: configure the address of the ' +
      'right one (autodiscover.url), or the EWS address itself',
    { code: 'SERVICE_REFUSES' },
  );
}

function tooMany(): CalendarSourceError {
  return new CalendarSourceError('malformed', `Autodiscover has named more than ${MOST_ENDPOINTS} servers`);
}

function tooLate(): CalendarSourceError {
  return new CalendarSourceError('unreachable', 'Autodiscover takes too long', { code: 'TIMEOUT' });
}

function lost(): CalendarSourceError {
  return new CalendarSourceError('malformed', 'Autodiscover gave no answer for this mailbox');
}
