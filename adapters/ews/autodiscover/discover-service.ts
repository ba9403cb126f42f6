import { domainToASCII } from 'node:url';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { DiscoveryNetwork, SrvRecord } from './discovery-network.ts';

export type DiscoveryOptions = {
  readonly network: DiscoveryNetwork;
  /** Whether our password may go to a host, for this mail domain. */
  readonly trusts: (host: string) => boolean;
  readonly signal: AbortSignal;
};

/** In all that is done for one mailbox or one domain. */
export const MAX_REDIRECTS = 10;
const PATH = '/autodiscover/autodiscover.svc';

/**
 * Finds the Autodiscover service of a mail domain, where clients look for it, in their order: at the domain, at
 * `autodiscover.` below it, where a plain HTTP redirect from there leads, and where DNS says (SRV).
 *
 * Each place is first asked without a password whether it is one: a service says so (X-SOAP-Enabled), or asks for a
 * log-in. The latter is not enough at the bare domain: there often is the web site of the company, which must not find our
 * password in its log. A place is asked only over https, with a certificate that is good
 * for its name, and only if our password may go there: the redirect and DNS are not authenticated, and all that they
 * can do is to choose among hosts that we trust anyway.
 *
 * https://learn.microsoft.com/exchange/client-developer/exchange-web-services/autodiscover-for-exchange
 *
 * @returns the address of the service (SOAP)
 * @throws CalendarSourceError `unreachable` when none is found, with what was seen where; `proxy-unauthorized` at once
 *   when a proxy refuses the account there; the signal's reason when aborted
 */
export async function discoverService(mailDomain: string, options: DiscoveryOptions): Promise<string> {
  const { network, signal } = options;
  const domain = domainToASCII(mailDomain);
  const seen: string[] = [];
  let redirects = 0;

  /** The service at an address, or where that leads. */
  const visit = async (start: URL): Promise<string | undefined> => {
    const visited = new Set<string>();
    let url = start;
    for (;;) {
      const refused = whyNotAsked(url, options, visited);
      if (refused !== undefined) return note(url, refused);
      visited.add(url.href);
      const head = await network.get(url, signal).catch((error: unknown) => error);
      signal.throwIfAborted();
      if (isProxyRefusal(head)) throw head;
      if (head instanceof Error) return note(url, reasonOf(head));
      const { status, headers } = head as Awaited<ReturnType<DiscoveryNetwork['get']>>;
      if (headers.has('x-soap-enabled') || (status === 401 && url.hostname !== domain)) return url.href;
      const next = redirectTarget(status, headers.get('location'), url);
      if (next === undefined)
        return note(url, status === 401 ? 'HTTP 401, but no sign of Autodiscover' : `HTTP ${status}`);
      if (++redirects > MAX_REDIRECTS) return note(url, `more than ${MAX_REDIRECTS} redirects`);
      url = next;
    }
  };
  const note = (url: URL, what: string): undefined => {
    seen.push(`${url.host}: ${what}`);
  };

  const direct = [new URL(`https://${domain}${PATH}`), new URL(`https://autodiscover.${domain}${PATH}`)];
  for (const url of direct) {
    const found = await visit(url);
    if (found !== undefined) return found;
  }
  const redirect = await unauthenticatedRedirect(domain, options);
  const targets = redirect === undefined ? [] : [redirect];
  for (const { name, port } of inOrder(await network.srv(`_autodiscover._tcp.${domain}`, signal))) {
    if (URL.canParse(`https://${name}:${port}${PATH}`)) targets.push(new URL(`https://${name}:${port}${PATH}`));
  }
  for (const url of targets.slice(0, MAX_REDIRECTS)) {
    const found = await visit(url);
    if (found !== undefined) return found;
  }
  const places = seen.join('; ').slice(0, 600);
  throw new CalendarSourceError('unreachable', `No Autodiscover service was found for ${mailDomain} (${places})`, {
    code: 'NO_AUTODISCOVER',
  });
}

/** Plain http, so it can only point: the old way for domains that are hosted elsewhere. */
async function unauthenticatedRedirect(
  domain: string,
  { network, signal }: DiscoveryOptions,
): Promise<URL | undefined> {
  const url = new URL(`http://autodiscover.${domain}/autodiscover/autodiscover.xml`);
  try {
    const { status, headers } = await network.get(url, signal);
    return redirectTarget(status, headers.get('location'), url);
  } catch (error) {
    signal.throwIfAborted();
    if (isProxyRefusal(error)) throw error;
    return undefined;
  }
}

/** The way to all other places is the same, and each would be one more wrong password. */
function isProxyRefusal(error: unknown): error is CalendarSourceError {
  return error instanceof CalendarSourceError && error.kind === 'proxy-unauthorized';
}

function whyNotAsked(url: URL, { trusts }: DiscoveryOptions, visited: ReadonlySet<string>): string | undefined {
  if (url.protocol !== 'https:') return 'leads to an address without https';
  if (url.username !== '' || url.password !== '') return 'leads to an address with an account';
  if (!trusts(url.hostname)) return 'not in the mail domain: add it to autodiscover.hosts if it is yours';
  return visited.has(url.href) ? 'leads in a circle' : undefined;
}

/** Where a redirect leads; the old service (POX) has the one for SOAP beside it. */
function redirectTarget(status: number, location: string | undefined, base: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined;
  if (!URL.canParse(location, base.href)) return undefined;
  return soapServiceOf(new URL(location, base.href));
}

/** `…/autodiscover.svc` for `…/autodiscover.xml`. */
export function soapServiceOf(url: URL): URL {
  const result = new URL(url.href);
  result.pathname = result.pathname.replace(/\/autodiscover\.xml$/i, '/autodiscover.svc');
  return result;
}

function inOrder(records: readonly SrvRecord[]): readonly SrvRecord[] {
  return [...records].sort((a, b) => a.priority - b.priority);
}

function reasonOf(error: Error): string {
  // Our own messages name the host again, before a colon.
  return error instanceof CalendarSourceError ? error.message.replace(/^[^:]*: /, '') : 'no answer';
}
