import { createHash } from 'node:crypto';
import { AccountGuard } from '../../component/calendar/account-guard.ts';
import type { CalendarRouter, CalendarSource } from '../../component/calendar/calendar-source.ts';
import type { RequestBudget } from '../../component/calendar/request-budget.ts';
import { RequestBudgets } from '../../component/calendar/request-budgets.ts';
import type { Mailbox } from '../../component/directory/directory.ts';
import type { Clock } from '../../component/runtime/clock.ts';
import type { Logger } from '../../component/runtime/logger.ts';
import type { Configuration } from '../../config/schema.ts';
import { createAutodiscoverFinder } from '../ews/autodiscover/autodiscover-finder.ts';
import type { ClosableSource } from '../ews/autodiscover/endpoint-source.ts';
import { createEwsCalendarSource } from '../ews/ews-calendar-source.ts';
import { loadEwsLibrary } from '../ews/ews-library.ts';
import { basicCredentials, type Credentials } from '../ews/http/authentication.ts';
import type { EwsTransportOptions } from '../ews/http/ews-transport.ts';
import { ntlmCredentials } from '../ews/ntlm/ntlm-credentials.ts';
import { oauthCredentials } from '../ews/oauth/oauth-credentials.ts';
import { mailboxRoutes } from './mailbox-routes.ts';

/** The configured Exchange servers, ready to be asked. */
export type ExchangeServers = {
  readonly route: CalendarRouter;
  /** How long what the mailbox's server said counts, in milliseconds; undefined where the server has nothing special. */
  staleAfterOf(mailbox: Mailbox): number | undefined;
  /** Loads what the first seldom request would load: that holds the process up for most of a second. */
  warmUp(): Promise<void>;
  close(): Promise<void>;
};

export type ExchangeServer = Configuration['exchange']['servers'][number];

/** How to get to a server and prove who we are, whatever its address. */
export type ServerConnection = Pick<EwsTransportOptions, 'credentials' | 'ca' | 'proxy' | 'limits' | 'clock'>;

/**
 * What all transports to a server have in common. To be made once for each server: tokens are kept with its credentials.
 *
 * @throws RangeError when the account, the certificates or the proxy can't be used; the message holds no secret
 */
export function serverConnection(server: ExchangeServer, clock: Clock): ServerConnection {
  const { ca, proxy } = server;
  return { ca, proxy, clock, limits: { request: server.timeout }, credentials: credentialsOf(server, clock) };
}

function credentialsOf({ account, ca, proxy, timeout }: ExchangeServer, clock: Clock): Credentials {
  switch (account.auth) {
    case 'basic':
      return basicCredentials(account.username, account.password);
    case 'ntlm':
      return ntlmCredentials(account.username, account.password, { channelBinding: account.channelBinding });
    case 'oauth':
      return oauthCredentials({ ...account, ca, proxy, clock, limits: { token: timeout } });
  }
}

/**
 * One calendar source for each server, be it the server itself or Autodiscover, which knows more of them.
 *
 * Servers that are asked with the same account and secret share a guard: Active Directory counts wrong log-ons by
 * account, wherever they happen. So do those that are behind the same proxy, for the account there. Whoever asks the same
 * server with the same account shares a budget.
 *
 * @param clock what calendars go by; the network's waits go by it, too
 */
export function openExchangeServers(servers: readonly ExchangeServer[], clock: Clock, logger: Logger): ExchangeServers {
  const shared = sharedAmongServers();
  const sources = new Map<ExchangeServer, ClosableSource>();
  const serverBehind = new Map<CalendarSource, ExchangeServer>();
  for (const server of servers) {
    const source = openServer(server, shared, clock, logger);
    sources.set(server, source);
    serverBehind.set(source, server);
  }
  const serverOf = mailboxRoutes(servers);
  return {
    route: (mailbox, after) => {
      const server = serverOf(mailbox, after && serverBehind.get(after));
      return server && sources.get(server);
    },
    staleAfterOf: (mailbox) => serverOf(mailbox)?.staleAfter,
    warmUp: async () => {
      if (servers.some(needsEwsLibrary)) await loadEwsLibrary();
    },
    close: async () => {
      await Promise.all([...sources.values()].map((source) => source.close()));
    },
  };
}

/** What servers have in common. */
type Shared = {
  readonly account: (server: ExchangeServer) => AccountGuard;
  /** Undefined where no proxy asks for one. */
  readonly proxyAccount: (server: ExchangeServer) => AccountGuard | undefined;
  /** @param name what the log calls the one who asks */
  readonly budget: (server: ExchangeServer, name: string, url: string) => RequestBudget;
};

function sharedAmongServers(): Shared {
  const [account, proxyGuard] = [accountGuards(), accountGuards(proxyKey)];
  const proxyAccount = (server: ExchangeServer) =>
    server.proxy?.username === undefined ? undefined : proxyGuard(server);
  const budgets = new RequestBudgets();
  return {
    account,
    proxyAccount,
    budget: (server, name, url) => {
      // What goes another way there has troubles of its own.
      const key = [new URL(url).origin, accountKey(server), proxyKey(server)].join(' ');
      const guards = { account: account(server), proxyAccount: proxyAccount(server) };
      return budgets.of(key, { name, concurrency: server.concurrency, random: Math.random, ...guards });
    },
  };
}

function openServer(server: ExchangeServer, shared: Shared, clock: Clock, logger: Logger): ClosableSource {
  const { name, url, autodiscover, domains, impersonate } = server;
  const connection = serverConnection(server, clock);
  const options = {
    ...connection,
    ...{ logger, impersonate },
    concurrency: server.concurrency,
    impersonation: server.impersonation,
    notifications: server.notifications,
    automaticReplies: server.automaticReplies,
  };
  if (url !== undefined) {
    return createEwsCalendarSource({ ...options, name, url, budget: shared.budget(server, name, url) });
  }
  return createAutodiscoverFinder({
    ...{ name, domains, impersonate, connection, logger },
    account: shared.account(server),
    proxyAccount: shared.proxyAccount(server),
    ...(autodiscover ?? { hosts: [] }),
    openEndpoint: ({ groupOf, ...endpoint }) =>
      createEwsCalendarSource({
        ...options,
        ...endpoint,
        budget: shared.budget(server, endpoint.name, endpoint.url),
        notifications: { ...server.notifications, groupOf },
      }),
  });
}

function needsEwsLibrary({ autodiscover, impersonation, notifications, automaticReplies }: ExchangeServer): boolean {
  return autodiscover !== undefined || (impersonation && (notifications.mailboxes > 0 || automaticReplies));
}

/**
 * One guard for each account, however many servers are asked with it.
 *
 * @param keyOf equal for servers that are asked with the same account
 */
export function accountGuards(keyOf = accountKey): (server: ExchangeServer) => AccountGuard {
  const guards = new Map<string, AccountGuard>();
  return (server) => {
    const key = keyOf(server);
    const guard = guards.get(key) ?? new AccountGuard();
    guards.set(key, guard);
    return guard;
  };
}

/**
 * Equal for servers that are asked with the same account and secret, in whatever way: Active Directory counts Basic and
 * NTLM together, and knows `EXAMPLE\svc`, `svc@example.com` and `svc` as one.
 */
function accountKey({ account }: ExchangeServer): string {
  const what = account.auth === 'oauth' ? account : [bareName(account.username), account.password];
  return digestOf(what);
}

/** Equal for servers that are asked through the same proxy with the same account there. */
function proxyKey({ proxy }: ExchangeServer): string {
  return digestOf(proxy && [new URL(proxy.url).origin, proxy.username, proxy.password]);
}

function digestOf(what: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(what) ?? '')
    .digest('base64');
}

function bareName(username: string): string {
  const name = username.slice(username.indexOf('\\') + 1).toLowerCase();
  return name.split('@', 1)[0] ?? name;
}
