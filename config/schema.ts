import { z } from 'zod';
import { calendarSchema } from './schema/calendar.ts';
import { directorySchema } from './schema/directory.ts';
import { exchangeSchema } from './schema/exchange.ts';
import { presenceSchema } from './schema/presence.ts';
import { text } from './schema/values.ts';
import { watchersSchema } from './schema/watchers.ts';
import { xmppSchema } from './schema/xmpp.ts';

/**
 * The whole configuration: what may be written, and by its output what the gateway works with.
 *
 * It does no I/O: `loadConfiguration` puts the text of a file in the place of its name (`secretFile`, `passwordFile`,
 * `caFile`) before it parses.
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
    ({ xmpp, exchange, directory, watchers }, context) => {
      if (watchers.domains.includes(xmpp.domain)) {
        const message = "a domain of the component's own (this one has users: watchers.domains)";
        context.addIssue({ code: 'custom', path: ['xmpp', 'domain'], message });
      }
      const served = exchange.servers.flatMap((server) => server.domains ?? ['*']);
      const checkServed = (address: string, path: PropertyKey[]) => {
        if (served.includes('*') || served.includes(address.slice(address.indexOf('@') + 1))) return;
        const message = `a mail domain that a server is there for (exchange.servers[].domains: ${served.join(', ')})`;
        context.addIssue({ code: 'custom', path: ['directory', ...path], message });
      };
      if (directory.rule !== undefined) checkServed(directory.rule, ['rule']);
      directory.domains.forEach((name, index) => {
        if (!directory.rule?.endsWith(`@${name}`)) checkServed(name, ['domains', index]);
      });
      for (const [local, address] of directory.contacts) checkServed(address, ['contacts', local]);
    },
    { when: ({ issues }) => issues.length === 0 },
  );

/** Durations are in milliseconds; secrets and certificates are texts, no longer names of files. */
export type Configuration = z.output<typeof configurationSchema>;
