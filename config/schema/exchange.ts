import { z } from 'zod';
import { isMapping, type Report, together } from './section.ts';
import { serverSchema } from './server.ts';
import { fold } from './values.ts';

export const exchangeSchema = z.strictObject({
  servers: z
    .array(serverSchema)
    .min(1, { error: 'at least one server' })
    .check(
      together((servers, report) => {
        if (!Array.isArray(servers)) return;
        reportRepeatedNames(servers, report);
        reportSecondCatchAll(servers, report);
        const domains = reportShared(servers, 'domains', 'a domain', report);
        reportShared(servers, 'mailboxes', 'a mailbox or pattern', report);
        reportWholeDomains(servers, domains, report);
      }),
    )
    .describe('The Exchange servers.'),
});

/** The owner of each thing, by what it is compared by. */
type Owners = ReadonlyMap<string, { readonly index: number; readonly name: string }>;

function reportRepeatedNames(servers: readonly unknown[], report: Report): void {
  const seen = new Set<unknown>();
  servers.forEach((server, index) => {
    if (!isMapping(server) || typeof server.name !== 'string') return;
    if (seen.has(server.name)) report([index, 'name'], 'a name that no other server has');
    seen.add(server.name);
  });
}

/** Only one server may say nothing of which mailboxes it has. */
function reportSecondCatchAll(servers: readonly unknown[], report: Report): void {
  let first: unknown;
  servers.forEach((server, index) => {
    if (!isMapping(server) || server.domains !== undefined || server.mailboxes !== undefined) return;
    if (first !== undefined) {
      report([index, 'domains'], `its mail domains or mailboxes (only one server may go without: ${first})`);
    }
    first ??= server.name ?? '';
  });
}

function reportShared(servers: readonly unknown[], key: 'domains' | 'mailboxes', what: string, report: Report): Owners {
  const owners = new Map<string, { index: number; name: string }>();
  servers.forEach((server, index) => {
    const values = isMapping(server) ? server[key] : undefined;
    if (!isMapping(server) || !Array.isArray(values)) return;
    values.forEach((value: unknown, position) => {
      if (typeof value !== 'string') return;
      const owner = owners.get(fold(value));
      if (owner !== undefined) report([index, key, position], `${what} that is listed once (${owner.name} has it)`);
      else owners.set(fold(value), { index, name: String(server.name ?? '') });
    });
  });
  return owners;
}

/** `*@example.com` takes everything from the server that has the domain example.com. */
function reportWholeDomains(servers: readonly unknown[], domains: Owners, report: Report): void {
  servers.forEach((server, index) => {
    if (!isMapping(server) || !Array.isArray(server.mailboxes)) return;
    server.mailboxes.forEach((value: unknown, position) => {
      if (typeof value !== 'string' || !/^\*+@/.test(value)) return;
      const owner = domains.get(fold(value.slice(value.indexOf('@') + 1)));
      if (owner === undefined || owner.index === index) return;
      report([index, 'mailboxes', position], `a pattern that leaves something to ${owner.name}, which has the domain`);
    });
  });
}
