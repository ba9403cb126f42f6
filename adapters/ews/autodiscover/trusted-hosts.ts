import { domainToASCII } from 'node:url';

/** Whether a host may be given our password or token when it is asked about a mailbox of a mail domain. */
export type TrustedHosts = (host: string, mailDomain: string) => boolean;

export type TrustedHostsOptions = {
  /** The configured Autodiscover service. */
  readonly url?: string | undefined;
  /** Host names, and `*.example.com` for all below a domain. */
  readonly hosts: readonly string[];
  /** The mail domains of the server. */
  readonly domains: readonly string[];
};

/**
 * The one rule that decides where our password goes, in whatever way we were led there: to hosts that the configuration
 * names (the service's address, the list of hosts), to its mail domains and the hosts below them, and to the mail domain
 * of the mailbox in question and the hosts below that.
 *
 * No answer adds to these, were it DNS, a redirect or a signed letter: who takes over a name server, a web site of the
 * company or one of its Exchange servers gets no further than that. The certificate must be good for the name as ever.
 */
export function trustedHosts({ url, hosts, domains }: TrustedHostsOptions): TrustedHosts {
  const named = new Set(hosts.filter((host) => !host.startsWith('*.')).map(ascii));
  if (url !== undefined) named.add(new URL(url).hostname);
  const below = hosts.filter((host) => host.startsWith('*.')).map((host) => ascii(host.slice(2)));
  const whole = domains.map(ascii);
  return (written, mailDomain) => {
    const host = ascii(written);
    if (host === '') return false;
    const isBelow = (domain: string): boolean => domain !== '' && host.endsWith(`.${domain}`);
    if (named.has(host) || below.some(isBelow)) return true;
    return [...whole, ascii(mailDomain)].some((domain) => host === domain || isBelow(domain));
  };
}

/** As URLs have it: in lower case, with internationalised names in ASCII (RFC 5891); '' for what is no name. */
function ascii(host: string): string {
  return host.startsWith('[') ? host.toLowerCase() : domainToASCII(host.toLowerCase()).replace(/\.$/, '');
}
