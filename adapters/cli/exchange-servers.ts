import type { CalendarRouter } from '../../component/calendar/calendar-source.ts';
import type { Clock } from '../../component/runtime/clock.ts';
import type { Logger } from '../../component/runtime/logger.ts';
import type { Configuration } from '../../config/schema.ts';
import { basicCredentials } from '../ews/authentication.ts';
import { createEwsCalendarSource, type EwsCalendarSource } from '../ews/ews-calendar-source.ts';

/** The configured Exchange servers, ready to be asked. */
export type ExchangeServers = {
  readonly route: CalendarRouter;
  close(): Promise<void>;
};

/** One calendar source a server; a mailbox belongs to the server of its domain, or to the one that has no domains. */
export function openExchangeServers(
  servers: Configuration['exchange']['servers'],
  clock: Clock,
  logger: Logger,
): ExchangeServers {
  const byDomain = new Map<string, EwsCalendarSource>();
  const sources: EwsCalendarSource[] = [];
  let catchAll: EwsCalendarSource | undefined;
  for (const { name, url, username, password, ca, domains, concurrency, timeout } of servers) {
    const source = createEwsCalendarSource({
      ...{ name, url, ca, concurrency, clock, logger },
      credentials: basicCredentials(username, password),
      limits: { request: timeout },
    });
    sources.push(source);
    if (domains === undefined) catchAll = source;
    for (const domain of domains ?? []) byDomain.set(domain, source);
  }
  return {
    route: (mailbox) => byDomain.get(mailbox.slice(mailbox.lastIndexOf('@') + 1)) ?? catchAll,
    close: async () => {
      await Promise.all(sources.map((source) => source.close()));
    },
  };
}
