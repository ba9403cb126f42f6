import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import { MINUTE } from '../../../component/runtime/clock.ts';
import type { Logger } from '../../../component/runtime/logger.ts';
import { type DiscoveryNetwork, discoveryNetwork } from '../autodiscover/discovery-network.ts';
import { getUserSettings } from '../autodiscover/get-user-settings.ts';
import { locateMailboxes, type MailboxLocation } from '../autodiscover/locate-mailboxes.ts';
import { ServiceDirectory } from '../autodiscover/service-directory.ts';
import { trustedHosts } from '../autodiscover/trusted-hosts.ts';
import type { Credentials } from '../http/authentication.ts';
import { withDeadline } from '../http/deadline.ts';
import { createEwsTransport, defaultEwsLimits, type EwsTransportOptions } from '../http/ews-transport.ts';
import { anchorHeaders } from '../xml/soap-envelope.ts';
import type { AccountTurns } from './account-turns.ts';
import { ADVICE_SAMPLE, failed } from './advice.ts';
import type { CheckFinding } from './check-finding.ts';
import { NO_WAY, ServiceWays } from './service-ways.ts';

export type AutodiscoverCheckOptions = {
  /** The configured service; undefined: it is found by the mail domain. */
  readonly service: string | undefined;
  readonly hosts: readonly string[];
  readonly domains: readonly string[];
  readonly mailbox: Mailbox | undefined;
  readonly impersonate: Mailbox | undefined;
  readonly connection: Omit<EwsTransportOptions, 'url' | 'connections'>;
  readonly account: AccountTurns;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** For tests. */
  readonly network?: DiscoveryNetwork | undefined;
};

/** What was found; `url` is the server that has the mailbox. */
export type AutodiscoverCheck = { readonly findings: readonly CheckFinding[]; readonly url?: string };

/** For all of it: places are looked at one after the other, and each may hang. */
const LIMIT = 3 * MINUTE;

/**
 * Which Autodiscover service answers for the mailbox (without one: for a mail domain, and nothing is logged on), what is
 * to be seen on the way to it, and which server it names.
 *
 * A service to which there is no way, or whose certificate is not good, is not asked.
 *
 * @throws RangeError when something configured can't be used; the signal's reason when aborted
 */
export async function checkAutodiscover(options: AutodiscoverCheckOptions): Promise<AutodiscoverCheck> {
  const { mailbox, domains, connection, logger, service, signal } = options;
  const { clock, credentials } = connection;
  const trusts = trustedHosts({ url: service, hosts: options.hosts, domains });
  const network = options.network ?? discoveryNetwork(connection);
  const services = new ServiceDirectory({ url: service, network, clock, trusts, logger });
  const tooLate = () => new CalendarSourceError('unreachable', 'Autodiscover leads nowhere in time');
  const domain = mailbox === undefined ? domains[0] : mailbox.slice(mailbox.lastIndexOf('@') + 1);
  const ways = new ServiceWays(connection);
  try {
    const { findings, url } = await withDeadline({ clock, limit: LIMIT, signal }, tooLate, async (ending) => {
      if (mailbox === undefined)
        return await findService(services, ways, { domain, isGiven: service !== undefined }, ending);
      const ask = async (address: string, addresses: readonly Mailbox[], stop: AbortSignal) => {
        await ways.check(address, stop);
        return await askService(options, address, addresses, stop);
      };
      const serviceOf = (name: string, stop: AbortSignal) => services.of(name, stop);
      let found: MailboxLocation | CalendarSourceError | undefined;
      const onLocation = (_mailbox: Mailbox, location: MailboxLocation | CalendarSourceError) => {
        found = location;
      };
      await locateMailboxes([mailbox], { trusts, serviceOf, ask, onLocation }, ending);
      if (found instanceof CalendarSourceError && found.code === NO_WAY) throw found;
      return located(mailbox, found, ways.hosts, credentials.scheme);
    });
    return { findings: [...ways.findings, ...findings], ...(url !== undefined && { url }) };
  } catch (error) {
    if (!(error instanceof CalendarSourceError)) throw error;
    // What is in the way has been said.
    if (error.code === NO_WAY) return { findings: ways.findings };
    return { findings: [...ways.findings, failed('autodiscover', error, { scheme: credentials.scheme, mailbox })] };
  }
}

async function findService(
  services: ServiceDirectory,
  ways: ServiceWays,
  { domain, isGiven }: { readonly domain: string | undefined; readonly isGiven: boolean },
  signal: AbortSignal,
): Promise<AutodiscoverCheck> {
  const rest: CheckFinding = {
    ...{ step: 'free-busy', severity: 'info' },
    seen: 'not checked: without a mailbox it is not known which server to ask',
    advice: ADVICE_SAMPLE,
  };
  if (domain === undefined && !isGiven) return { findings: [rest] };
  const url = await services.of(domain ?? '', signal);
  await ways.check(url, signal);
  const seen = isGiven ? `the service is ${url}, as configured` : `the service of ${domain} is ${url}`;
  return { findings: [{ step: 'autodiscover', severity: 'ok', seen }, rest] };
}

async function askService(
  { connection, impersonate, account }: AutodiscoverCheckOptions,
  url: string,
  addresses: readonly Mailbox[],
  signal: AbortSignal,
) {
  const transport = createEwsTransport({ ...connection, url, connections: 1 });
  const limit = connection.limits?.request ?? defaultEwsLimits.request;
  const request = { transport, clock: connection.clock, limit, signal, headers: anchorHeaders(impersonate) };
  try {
    return await account.run(signal, () => getUserSettings(request, addresses));
  } finally {
    await transport.close();
  }
}

function located(
  mailbox: Mailbox,
  found: MailboxLocation | CalendarSourceError | undefined,
  asked: readonly string[],
  scheme: Credentials['scheme'],
): AutodiscoverCheck {
  if (found === undefined) throw new CalendarSourceError('malformed', 'Autodiscover gave no answer for this mailbox');
  if (found instanceof CalendarSourceError) {
    const finding = failed('autodiscover', found, { scheme, mailbox });
    return { findings: [{ ...finding, seen: `${mailbox}: ${found.message}` }] };
  }
  const group = found.group === undefined ? '' : `, in the group ${found.group.slice(0, 100)}`;
  const way = asked.join(', then ');
  const seen = `${mailbox} is on ${found.url}${group} (asked: ${way})`;
  return { findings: [{ step: 'autodiscover', severity: 'ok', seen }], url: found.url };
}
