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

type Server = Configuration['exchange']['servers'][number];

/** The server of a mailbox: the one that has its domain, or else the one that has no domains. */
export function serverOf(servers: readonly Server[], mailbox: string): Server | undefined {
  const domain = mailbox.slice(mailbox.lastIndexOf('@') + 1).toLowerCase();
  return (
    servers.find(({ domains }) => domains?.includes(domain)) ?? servers.find(({ domains }) => domains === undefined)
  );
}

/** One calendar source for each server. */
export function openExchangeServers(servers: readonly Server[], clock: Clock, logger: Logger): ExchangeServers {
  const sources = new Map<Server, EwsCalendarSource>();
  for (const server of servers) {
    const { name, url, username, password, ca, concurrency, timeout } = server;
    const source = createEwsCalendarSource({
      ...{ name, url, ca, concurrency, clock, logger },
      credentials: basicCredentials(username, password),
      limits: { request: timeout },
    });
    sources.set(server, source);
  }
  return {
    route: (mailbox) => {
      const server = serverOf(servers, mailbox);
      return server && sources.get(server);
    },
    close: async () => {
      await Promise.all([...sources.values()].map((source) => source.close()));
    },
  };
}
