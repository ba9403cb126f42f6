import { z } from 'zod';
import { MINUTE, SECOND } from '../../component/runtime/clock.ts';
import { isLoopback } from '../../component/runtime/loopback.ts';
import { isMapping, oneSecret, type Report, together } from './section.ts';
import { domain, duration, fold, mailbox, text, whole } from './values.ts';

const nameExpected = 'a short name of a-z, 0-9 and -, as in hq';

/** Basic authentication has no way to send a control character either (RFC 7617 §2). */
const withoutControls = 'text without tabs, line breaks and other control characters';

function hasNoControls(value: string): boolean {
  return !/\p{Cc}/u.test(value);
}

const serverSchema = z
  .strictObject({
    name: z
      .string({ error: nameExpected })
      .regex(/^[a-z0-9-]{1,63}$/, { error: nameExpected })
      .describe("The server's name in logs and metrics: a-z, 0-9 and -."),
    url: z
      .string({ error: 'an address, as in https://mail.example.com/EWS/Exchange.asmx' })
      .superRefine((value, context) => {
        const expected = whatIsWrongWith(value);
        if (expected !== undefined) context.addIssue({ code: 'custom', message: expected });
      })
      .describe('The address of Exchange Web Services, as in https://mail.example.com/EWS/Exchange.asmx.'),
    username: text('the name of an account')
      .refine((value) => !value.includes(':'), {
        error: 'a name without ":" (Basic authentication has no way to send one)',
      })
      .refine(hasNoControls, { error: withoutControls })
      .describe('The account that may read free/busy, as in svc-presence@example.com or EXAMPLE\\svc-presence.'),
    password: text('text')
      .refine(hasNoControls, { error: withoutControls })
      .optional()
      .describe('The password of the account; better: passwordFile.'),
    passwordFile: text('a file name').optional().describe('A file that holds the password and nothing else.'),
    caFile: text('the name of a PEM file')
      .optional()
      .describe('The authority that signed the certificate of the server, as PEM; default: those that Node.js trusts.'),
    domains: z
      .array(domain())
      .min(1, { error: 'at least one domain, or no such key' })
      .optional()
      .describe('The mail domains whose mailboxes are here. One server may go without: it gets all others.'),
    concurrency: whole(1, 27)
      .default(10)
      .describe('The most requests at once. Exchange allows 27 for an account (EWSMaxConcurrency).'),
    timeout: duration(SECOND, 10 * MINUTE)
      .prefault('30s')
      .describe('How long one request may take.'),
    sampleMailbox: mailbox().optional().describe('A mailbox for `presence-gateway check` to ask about.'),
  })
  .check(together((server, report) => oneSecret(server, 'password', report)))
  .transform(({ password, passwordFile, caFile, ...rest }) => ({
    ...rest,
    /** Read from its file already. */
    password: password ?? passwordFile ?? '',
    /** PEM text. */
    ca: caFile,
  }));

export const exchangeSchema = z.strictObject({
  servers: z
    .array(serverSchema)
    .min(1, { error: 'at least one server' })
    .check(
      together((servers, report) => {
        if (!Array.isArray(servers)) return;
        reportRepeatedNames(servers, report);
        reportSharedDomains(servers, report);
      }),
    )
    .describe('The Exchange servers.'),
});

function whatIsWrongWith(value: string): string | undefined {
  if (!URL.canParse(value)) return 'an address, as in https://mail.example.com/EWS/Exchange.asmx';
  const url = new URL(value);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) {
    return 'an address that begins with https:// (the password goes there)';
  }
  if (url.username !== '' || url.password !== '')
    return 'an address without an account: that goes into username and passwordFile';
  if (url.pathname === '/') return 'the whole address, usually with /EWS/Exchange.asmx at its end';
  if (url.hash !== '') return 'an address without #';
  return undefined;
}

function reportRepeatedNames(servers: readonly unknown[], report: Report): void {
  const seen = new Set<unknown>();
  servers.forEach((server, index) => {
    if (!isMapping(server) || typeof server.name !== 'string') return;
    if (seen.has(server.name)) report([index, 'name'], 'a name that no other server has');
    seen.add(server.name);
  });
}

function reportSharedDomains(servers: readonly unknown[], report: Report): void {
  const owners = new Map<string, unknown>();
  let catchAll: unknown;
  servers.forEach((server, index) => {
    if (!isMapping(server)) return;
    if (server.domains === undefined) {
      if (catchAll !== undefined)
        report([index, 'domains'], `its mail domains (only one server may go without: ${catchAll})`);
      catchAll ??= server.name ?? '';
    }
    if (!Array.isArray(server.domains)) return;
    server.domains.forEach((value: unknown, position) => {
      if (typeof value !== 'string') return;
      const name = fold(value);
      if (owners.has(name))
        report([index, 'domains', position], `a domain that is listed once (${owners.get(name)} has it)`);
      else owners.set(name, server.name ?? '');
    });
  });
}
