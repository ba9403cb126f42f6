import { z } from 'zod';
import { matchesPattern } from './pattern.ts';
import { calendarSchema } from './schema/calendar.ts';
import { directorySchema } from './schema/directory.ts';
import { exchangeSchema } from './schema/exchange.ts';
import { presenceSchema } from './schema/presence.ts';
import { checkOverrides } from './schema/presence-overrides.ts';
import { checkShortest } from './schema/presence-rules.ts';
import type { Report } from './schema/section.ts';
import { formatDuration, text } from './schema/values.ts';
import { watchersSchema } from './schema/watchers.ts';
import { xmppSchema } from './schema/xmpp.ts';

/**
 * The whole configuration: what may be written, and by its output what the gateway works with.
 *
 * It does no I/O: `loadConfiguration` puts the text of a file in the place of its name (`secretFile`, `passwordFile`,
 * `caFile`, …) before it parses.
 */
export const configurationSchema = z
  .strictObject({
    xmpp: xmppSchema.describe('The XMPP server, and our place on it as a component (XEP-0114).'),
    exchange: exchangeSchema.describe('Where calendars are read.'),
    directory: directorySchema.describe('Which mailbox a contact stands for.'),
    watchers: watchersSchema.describe('Who may watch contacts.'),
    calendar: calendarSchema.prefault({}).describe('How often calendars are read, and how long an answer holds.'),
    presence: presenceSchema.prefault({}).describe('What contacts show.'),
    storage: z
      .strictObject({
        file: text('a file name').default('gateway.db').describe('The database, relative to this file.'),
      })
      .prefault({})
      .describe('What must survive a restart: subscriptions and the last known calendars.'),
    log: z
      .strictObject({
        level: z
          .enum(['debug', 'info', 'warn', 'error'])
          .default('info')
          .describe('The least important messages to log.'),
        format: z
          .enum(['auto', 'pretty', 'json'])
          .default('auto')
          .describe('auto: pretty on a terminal, otherwise one JSON object a line.'),
      })
      .prefault({})
      .describe('The log, on standard output.'),
  })
  .superRefine(
    ({ xmpp, exchange, directory, watchers, calendar, presence }, context) => {
      if (watchers.domains.includes(xmpp.domain)) {
        const message = "a domain of the component's own (this one has users: watchers.domains)";
        context.addIssue({ code: 'custom', path: ['xmpp', 'domain'], message });
      }
      const { servers } = exchange;
      const checkServed = (address: string, path: PropertyKey[]) => {
        const name = address.slice(address.indexOf('@') + 1);
        if (servers.some((server) => mayServe(server, name))) return;
        const known = [...new Set(servers.flatMap((server) => server.domains ?? []))].join(', ') || 'none';
        const message = `a mail domain that a server is there for (exchange.servers[].domains: ${known})`;
        context.addIssue({ code: 'custom', path: ['directory', ...path], message });
      };
      if (directory.rule !== undefined) checkServed(directory.rule, ['rule']);
      directory.domains.forEach((name, index) => {
        if (!directory.rule?.endsWith(`@${name}`)) checkServed(name, ['domains', index]);
      });
      for (const [local, address] of directory.contacts) checkServed(address, ['contacts', local]);
      servers.forEach(({ staleAfter }, index) => {
        const message = staleAfter === undefined ? undefined : whatIsWrongWithStaleAfter(staleAfter, calendar);
        if (message === undefined) return;
        context.addIssue({ code: 'custom', path: ['exchange', 'servers', index, 'staleAfter'], message });
      });
      const report: Report = (path, message) =>
        context.addIssue({ code: 'custom', path: ['presence', ...path], message });
      checkShortest(presence.rules, calendar.window.past, report);
      checkOverrides(presence.overrides, { directory, past: calendar.window.past }, (path, message) =>
        report(['overrides', ...path], message),
      );
    },
    { when: ({ issues }) => issues.length === 0 },
  );

type Server = { readonly domains?: readonly string[] | undefined; readonly mailboxes?: readonly string[] | undefined };

/** Whether some mailbox of a mail domain may be on a server. */
function mayServe({ domains, mailboxes }: Server, name: string): boolean {
  if (domains === undefined && mailboxes === undefined) return true;
  const patterns = (mailboxes ?? []).map((pattern) => pattern.slice(pattern.indexOf('@') + 1));
  return domains?.includes(name) === true || patterns.some((pattern) => matchesPattern(name, pattern));
}

type Pace = { readonly refreshIdle: number; readonly window: { readonly future: number } };

/** The same as for `calendar.staleAfter`. */
function whatIsWrongWithStaleAfter(staleAfter: number, { refreshIdle, window }: Pace): string | undefined {
  if (staleAfter < 2 * refreshIdle) return `at least twice calendar.refreshIdle: ${formatDuration(2 * refreshIdle)}`;
  const most = window.future - refreshIdle;
  return staleAfter > most ? `at most calendar.window.future - refreshIdle: ${formatDuration(most)}` : undefined;
}

/** Durations are in milliseconds; secrets and certificates are texts, no longer names of files. */
export type Configuration = z.output<typeof configurationSchema>;
