import { Resolver } from 'node:dns/promises';
import { Client } from 'undici';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { type Clock, SECOND } from '../../../component/runtime/clock.ts';
import { type ConnectorOptions, createConnector } from '../http/connector.ts';
import { withDeadline } from '../http/deadline.ts';
import { networkError } from '../http/network-error.ts';

/** The head of an answer; header names are in lower case. */
export type Head = { readonly status: number; readonly headers: ReadonlyMap<string, string> };

export type SrvRecord = { readonly name: string; readonly port: number; readonly priority: number };

/** What looking for an Autodiscover service needs of the network. Nothing of it carries a password. */
export interface DiscoveryNetwork {
  /** Asks for a page without following redirects. @throws CalendarSourceError; the signal's reason when aborted */
  get(url: URL, signal: AbortSignal): Promise<Head>;
  /** The SRV records of a name (RFC 2782); none when there are none, or no answer. */
  srv(name: string, signal: AbortSignal): Promise<readonly SrvRecord[]>;
}

/** Many places are looked at where there is nothing. */
const LIMIT = 10 * SECOND;

/** The network as it is, by the server's proxy and with the authorities that it trusts. */
export function discoveryNetwork(options: Pick<ConnectorOptions, 'ca' | 'proxy'> & { clock: Clock }): DiscoveryNetwork {
  const { clock } = options;
  return {
    async get(url, signal) {
      const tooLate = () =>
        new CalendarSourceError('unreachable', `${url.host}: no answer in time`, { code: 'TIMEOUT' });
      return await withDeadline({ clock, limit: LIMIT, signal }, tooLate, async (ending) => {
        const connect = createConnector({ ...options, connectTimeout: LIMIT, signal: ending });
        const client = new Client(url.origin, { connect, pipelining: 0 });
        try {
          const { statusCode, headers, body } = await client.request({
            ...{ path: url.pathname + url.search, method: 'GET', signal: ending },
            headers: { accept: '*/*', 'user-agent': 'presence-gateway' },
          });
          // Only the head counts; what is said when the rest is cut off does not.
          body.on('error', () => {}).destroy();
          return { status: statusCode, headers: joined(headers) };
        } catch (error) {
          throw error instanceof CalendarSourceError ? error : networkError(error, url.host);
        } finally {
          void client.destroy();
        }
      });
    },
    async srv(name, signal) {
      const resolver = new Resolver({ timeout: 2 * SECOND, tries: 2 });
      const onAbort = () => resolver.cancel();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await resolver.resolveSrv(name);
      } catch {
        signal.throwIfAborted();
        return [];
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },
  };
}

function joined(headers: Readonly<Record<string, string | string[] | undefined>>): ReadonlyMap<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value ?? ''].flat().join(', ')]);
  return new Map(entries as [string, string][]);
}
