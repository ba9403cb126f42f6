import type { AccountGuard } from '../../../component/calendar/account-guard.ts';
import type { CalendarSource, FreeBusyAnswer, Referral } from '../../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { RequestBudget } from '../../../component/calendar/request-budget.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import { MINUTE } from '../../../component/runtime/clock.ts';
import type { Logger } from '../../../component/runtime/logger.ts';
import { createEwsTransport, defaultEwsLimits, type EwsTransport, type EwsTransportOptions } from '../ews-transport.ts';
import { anchorHeaders } from '../soap-envelope.ts';
import { isXmlText } from '../xml-text.ts';
import { type DiscoveryNetwork, discoveryNetwork } from './discovery-network.ts';
import { type ClosableSource, EndpointSource } from './endpoint-source.ts';
import { getUserSettings, MAX_USERS } from './get-user-settings.ts';
import { locateMailboxes } from './locate-mailboxes.ts';
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
  readonly account?: AccountGuard | undefined;
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

/**
 * A calendar source that has no calendars, but knows who has: it refers each mailbox to the source of the server that
 * Autodiscover names for it. That source sends it back here when the server denies having it, and once a day.
 *
 * Look-ups have a budget of their own; each server that is found has one, too; all of them share the account's guard.
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
  readonly #transports = new Map<string, EwsTransport>();
  readonly #endpoints = new Map<string, EndpointSource>();

  constructor(options: AutodiscoverFinderOptions) {
    const { connection, url, hosts, domains = [], account, random = Math.random } = options;
    const { clock } = connection;
    this.#options = options;
    this.name = `${options.name} (Autodiscover)`;
    this.#logger = options.logger.child({ server: this.name });
    this.budget = new RequestBudget({ concurrency: CONCURRENCY, random, account });
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
      // One that can't be written into a request would fail it for all.
      if (!isXmlText(mailbox) || mailbox.trim() === '') answers.set(mailbox, impossible(mailbox));
      else if (known !== undefined) answers.set(mailbox, this.#refer(mailbox, known.url));
      else if (this.#locations.isContradicted(mailbox)) answers.set(mailbox, contradiction(mailbox));
      else open.push(mailbox);
    }
    if (open.length > 0) {
      await this.budget.run(this.#options.connection.clock, () => this.#locate(open, answers, signal));
    }
    return mailboxes.map((mailbox) => answers.get(mailbox) ?? { mailbox, error: lost() });
  }

  async close(): Promise<void> {
    const closing = [...this.#endpoints.values(), ...this.#transports.values()];
    await Promise.all(closing.map((one) => one.close()));
  }

  async #locate(
    mailboxes: readonly Mailbox[],
    answers: Map<Mailbox, FreeBusyAnswer | Referral>,
    signal: AbortSignal,
  ): Promise<void> {
    await locateMailboxes(
      mailboxes,
      {
        trusts: this.#trusts,
        serviceOf: (domain, ending) => this.#services.of(domain, ending),
        ask: (service, addresses, ending) => this.#ask(service, addresses, ending),
        onLocation: (mailbox, found) => {
          if (found instanceof CalendarSourceError) answers.set(mailbox, { mailbox, error: found });
          else if (this.#locations.found(mailbox, found)) answers.set(mailbox, this.#refer(mailbox, found.url));
          else answers.set(mailbox, contradiction(mailbox));
        },
      },
      signal,
    );
  }

  async #ask(service: string, addresses: readonly Mailbox[], signal: AbortSignal) {
    const { connection, impersonate } = this.#options;
    const limit = connection.limits?.request ?? defaultEwsLimits.request;
    const request = { clock: connection.clock, limit, signal, headers: anchorHeaders(impersonate) };
    try {
      return await getUserSettings({ ...request, transport: this.#transport(service) }, addresses);
    } catch (error) {
      // What does not answer any more may have moved.
      if (error instanceof CalendarSourceError && error.kind !== 'throttled') this.#services.forget(service);
      throw error;
    }
  }

  #transport(url: string): EwsTransport {
    const known = this.#transports.get(url);
    if (known !== undefined) return known;
    const [oldest] = this.#transports.keys();
    if (oldest !== undefined && this.#transports.size >= MOST_SERVICES) {
      void this.#transports.get(oldest)?.close();
      this.#transports.delete(oldest);
    }
    const { connection, openTransport = createEwsTransport } = this.#options;
    const transport = openTransport({ ...connection, url, connections: CONCURRENCY });
    this.#transports.set(url, transport);
    return transport;
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
    'unreachable',
    'The server that Autodiscover names for the mailbox says that it does not have it; it may be moving',
    { code: 'CONTRADICTION', retryAfter: 10 * MINUTE },
  );
  return { mailbox, error };
}

function impossible(mailbox: Mailbox): FreeBusyAnswer {
  return { mailbox, error: new CalendarSourceError('mailbox-not-found', 'No mailbox can have such an address') };
}

function tooMany(): CalendarSourceError {
  return new CalendarSourceError('malformed', `Autodiscover has named more than ${MOST_ENDPOINTS} servers`);
}

function lost(): CalendarSourceError {
  return new CalendarSourceError('malformed', 'Autodiscover gave no answer for this mailbox');
}
