import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import { parseEwsUrl } from '../http/ews-transport.ts';
import { MAX_REDIRECTS, soapServiceOf } from './discover-service.ts';
import { MAX_USERS, type UserSettings } from './get-user-settings.ts';
import type { TrustedHosts } from './trusted-hosts.ts';

/** Where a mailbox is. */
export type MailboxLocation = { readonly url: string; readonly group: string | undefined };

export type LocatorOptions = {
  readonly trusts: TrustedHosts;
  /** The Autodiscover service of a mail domain. @throws CalendarSourceError when there is none */
  readonly serviceOf: (mailDomain: string, signal: AbortSignal) => Promise<string>;
  /** Asks a service for at most `MAX_USERS` addresses. @throws CalendarSourceError when the request failed as a whole */
  readonly ask: (
    service: string,
    addresses: readonly Mailbox[],
    signal: AbortSignal,
  ) => Promise<readonly UserSettings[]>;
  /** Told of each as soon as it is known: what another domain's failure makes of the whole does not take it away. */
  readonly onLocation: (mailbox: Mailbox, location: MailboxLocation | CalendarSourceError) => void;
};

/** One mailbox on its way: under which address it is looked for, and where. */
type Search = {
  readonly mailbox: Mailbox;
  readonly mailDomain: string;
  readonly address: string;
  /** Undefined: that of the address's domain. */
  readonly service: string | undefined;
  readonly visited: readonly string[];
};

/**
 * Finds the servers of mailboxes: asks their domains' Autodiscover services and follows where these lead, at most ten
 * times for each mailbox, never in a circle, and never to a host that may not have our password.
 *
 * @throws CalendarSourceError when no service could be asked for any of them, and at once when one refuses the account;
 *   the signal's reason when aborted
 */
export async function locateMailboxes(
  mailboxes: readonly Mailbox[],
  options: LocatorOptions,
  signal: AbortSignal,
): Promise<void> {
  let searches: readonly Search[] = mailboxes.map((mailbox) => ({
    ...{ mailbox, address: mailbox, mailDomain: domainOf(mailbox), service: undefined, visited: [] },
  }));
  let answered = false;
  const failures: { readonly batch: readonly Search[]; readonly error: CalendarSourceError }[] = [];
  while (searches.length > 0) {
    const next: Search[] = [];
    for (const batch of batchesOf(searches)) {
      signal.throwIfAborted();
      try {
        next.push(...(await askFor(batch, options, signal)));
        answered = true;
      } catch (error) {
        // A refused password must not be tried at the next service.
        if (!isPassing(error)) throw error;
        failures.push({ batch, error });
      }
    }
    searches = next;
  }
  const [first] = failures;
  if (first !== undefined && !answered) throw first.error;
  for (const { batch, error } of failures) for (const { mailbox } of batch) options.onLocation(mailbox, error);
}

function isPassing(error: unknown): error is CalendarSourceError {
  const last = ['unauthorized', 'proxy-unauthorized', 'blocked'];
  return error instanceof CalendarSourceError && !last.includes(error.kind);
}

/** Searches that can be asked for in one request. */
function batchesOf(searches: readonly Search[]): readonly (readonly Search[])[] {
  const groups = new Map<string, Search[]>();
  for (const search of searches) {
    const key = search.service ?? `${search.mailDomain} ${domainOf(search.address)}`;
    groups.set(key, [...(groups.get(key) ?? []), search]);
  }
  const batches: Search[][] = [];
  for (const group of groups.values()) {
    for (let at = 0; at < group.length; at += MAX_USERS) batches.push(group.slice(at, at + MAX_USERS));
  }
  return batches;
}

/** @returns the searches that go on elsewhere */
async function askFor(
  batch: readonly Search[],
  options: LocatorOptions,
  signal: AbortSignal,
): Promise<readonly Search[]> {
  const { trusts, serviceOf, ask, onLocation } = options;
  const [first] = batch;
  if (first === undefined) return [];
  const { mailDomain, address } = first;
  const service = first.service ?? (await serviceOfAddress(mailDomain, domainOf(address)));
  const answers = await ask(
    service,
    batch.map((search) => search.address),
    signal,
  );
  const next: Search[] = [];
  batch.forEach((search, index) => {
    const answer = answers[index];
    const step = answer === undefined ? unanswered() : stepAfter(search, service, answer, trusts);
    if ('visited' in step) next.push(step);
    else onLocation(search.mailbox, step);
  });
  return next;

  async function serviceOfAddress(from: string, domain: string): Promise<string> {
    if (domain !== from && !trusts(domain, from)) throw untrusted(domain);
    const found = await serviceOf(domain, signal);
    if (!trusts(new URL(found).hostname, from)) throw untrusted(new URL(found).hostname);
    return found;
  }
}

function stepAfter(
  search: Search,
  service: string,
  answer: UserSettings,
  trusts: TrustedHosts,
): Search | MailboxLocation | CalendarSourceError {
  const visited = [...search.visited, `${service} ${search.address}`];
  switch (answer.kind) {
    case 'found':
      return locationOf(answer, search, trusts);
    case 'error':
      return isAuthoritative(search) ? answer.error : notAuthoritative(answer.error);
    case 'redirect-address': {
      const address = answer.address.toLowerCase();
      return checked({ ...search, address, service: undefined, visited }, `${service} ${address}`);
    }
    case 'redirect-url': {
      if (!URL.canParse(answer.url)) return malformed('Autodiscover leads to something that is no address');
      const url = soapServiceOf(new URL(answer.url));
      if (url.protocol !== 'https:') return malformed(`Autodiscover leads to ${url.host} without https`);
      // No transport could be made for it: that would fail everybody's search.
      if (url.username !== '' || url.password !== '')
        return malformed('Autodiscover leads to an address with an account');
      if (!trusts(url.hostname, search.mailDomain)) return untrusted(url.hostname);
      return checked({ ...search, service: url.href, visited }, `${url.href} ${search.address}`);
    }
  }
}

function checked(search: Search, place: string): Search | CalendarSourceError {
  if (search.visited.includes(place)) return malformed('Autodiscover leads in a circle');
  if (search.visited.length > MAX_REDIRECTS) return malformed(`Autodiscover leads on more than ${MAX_REDIRECTS} times`);
  return search;
}

function locationOf(
  { url: text, group }: Extract<UserSettings, { kind: 'found' }>,
  { mailDomain }: Search,
  trusts: TrustedHosts,
): MailboxLocation | CalendarSourceError {
  let url: URL;
  try {
    url = parseEwsUrl(text);
  } catch (error) {
    return malformed(`Autodiscover names an address that can not be used: ${(error as Error).message}`);
  }
  return trusts(url.hostname, mailDomain) ? { url: url.href, group } : untrusted(url.hostname);
}

/** Only the service that is responsible for the mailbox's own address can say that there is no such mailbox. */
function isAuthoritative({ address, mailbox }: Search): boolean {
  return address === mailbox;
}

function notAuthoritative(error: CalendarSourceError): CalendarSourceError {
  if (error.kind !== 'mailbox-not-found') return error;
  return new CalendarSourceError('unreachable', 'Autodiscover leads to another address, which is not known there', {
    ...(error.code !== undefined && { code: error.code }),
  });
}

function unanswered(): CalendarSourceError {
  return malformed('Autodiscover gave no answer for this mailbox');
}

function malformed(message: string): CalendarSourceError {
  return new CalendarSourceError('malformed', message, { code: 'AUTODISCOVER' });
}

/** `access-denied`: only an administrator can mend it, so that it is asked again patiently. */
function untrusted(host: string): CalendarSourceError {
  return new CalendarSourceError(
    'access-denied',
    `Autodiscover leads to ${host}, which is not in the mail domain and so does not get the password: ` +
      'if it is yours, add it to autodiscover.hosts',
    { code: 'UNTRUSTED_HOST' },
  );
}

export function domainOf(address: Mailbox): string {
  return address.slice(address.lastIndexOf('@') + 1);
}
