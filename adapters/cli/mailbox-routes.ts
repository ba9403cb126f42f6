import type { Mailbox } from '../../component/directory/directory.ts';
import { matchesPattern } from '../../config/pattern.ts';

/** Which mailboxes a server has: addresses or patterns with `*`, and whole mail domains; neither: all that are left. */
export type Serving = {
  readonly mailboxes?: readonly string[] | undefined;
  readonly domains?: readonly string[] | undefined;
};

/**
 * The server of a mailbox; undefined when there is none for it.
 *
 * @param after a server: the next one that the mailbox may be on, and after the last one the first again
 */
export type MailboxRoutes<Server> = (mailbox: Mailbox, after?: Server) => Server | undefined;

type Route<Server> = { readonly pattern: string; readonly server: Server };

/**
 * Decides which server a mailbox is on: the one that lists its address; or the one with the pattern of the most
 * characters (on equal the first) that fits; or the one that has its mail domain; or the one that says nothing.
 *
 * A server that comes in question only after another is the next one for a mailbox that is not there any more.
 *
 * Built once and asked for each mailbox: addresses and domains are looked up, and of the patterns only those are tried
 * that name the mailbox's domain, or have a `*` in theirs.
 *
 * @param fits whether a mailbox fits a pattern
 */
export function mailboxRoutes<Server extends Serving>(
  servers: readonly Server[],
  fits: (mailbox: Mailbox, pattern: string) => boolean = matchesPattern,
): MailboxRoutes<Server> {
  const byAddress = new Map<string, Server>();
  const byDomain = new Map<string, Server>();
  const patternsOf = new Map<string, Route<Server>[]>();
  const looseDomain: Route<Server>[] = [];
  let catchAll: Server | undefined;
  for (const server of servers) {
    const { mailboxes, domains } = server;
    if (mailboxes === undefined && domains === undefined) catchAll ??= server;
    for (const name of domains ?? []) if (!byDomain.has(name)) byDomain.set(name, server);
    for (const pattern of mailboxes ?? []) {
      const name = domainOf(pattern);
      if (!pattern.includes('*')) byAddress.set(pattern, byAddress.get(pattern) ?? server);
      else if (name.includes('*')) looseDomain.push({ pattern, server });
      else {
        const patterns = patternsOf.get(name) ?? [];
        patterns.push({ pattern, server });
        patternsOf.set(name, patterns);
      }
    }
  }
  // Sorting is stable: of equals the first stays first.
  const bySpecificity = (a: Route<Server>, b: Route<Server>) => specificity(b.pattern) - specificity(a.pattern);
  for (const routes of patternsOf.values()) routes.sort(bySpecificity);
  looseDomain.sort(bySpecificity);

  /** All that the mailbox may be on, in their order: asked for seldom. */
  const all = (mailbox: Mailbox): readonly Server[] => {
    const name = domainOf(mailbox);
    const patterns = [patternsOf.get(name) ?? [], looseDomain].flatMap((routes) =>
      routes.filter(({ pattern }) => fits(mailbox, pattern)),
    );
    const inOrder = patterns.sort(
      (a, b) => bySpecificity(a, b) || servers.indexOf(a.server) - servers.indexOf(b.server),
    );
    const found = [byAddress.get(mailbox), ...inOrder.map(({ server }) => server), byDomain.get(name), catchAll];
    return [...new Set(found.filter((server) => server !== undefined))];
  };

  return (written, after) => {
    const mailbox = written.toLowerCase();
    if (after !== undefined) {
      const inOrder = all(mailbox);
      return inOrder[(inOrder.indexOf(after) + 1) % inOrder.length];
    }
    const listed = byAddress.get(mailbox);
    if (listed !== undefined) return listed;
    const name = domainOf(mailbox);
    const find = (routes: readonly Route<Server>[]) => routes.find(({ pattern }) => fits(mailbox, pattern));
    const [near, loose] = [find(patternsOf.get(name) ?? []), find(looseDomain)];
    if (near !== undefined && loose !== undefined) return moreSpecific(servers, near, loose);
    return (near ?? loose)?.server ?? byDomain.get(name) ?? catchAll;
  };
}

function moreSpecific<Server>(servers: readonly Server[], a: Route<Server>, b: Route<Server>): Server {
  const difference = specificity(a.pattern) - specificity(b.pattern);
  if (difference !== 0) return difference > 0 ? a.server : b.server;
  return servers.indexOf(a.server) <= servers.indexOf(b.server) ? a.server : b.server;
}

/** How many characters a pattern fixes. */
function specificity(pattern: string): number {
  return pattern.replaceAll('*', '').length;
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}
