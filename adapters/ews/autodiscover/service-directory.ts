import { LRUCache } from 'lru-cache';
import { type Clock, DAY, type Instant } from '../../../component/runtime/clock.ts';
import type { Logger } from '../../../component/runtime/logger.ts';
import { discoverService } from './discover-service.ts';
import type { DiscoveryNetwork } from './discovery-network.ts';
import type { TrustedHosts } from './trusted-hosts.ts';

export type ServiceDirectoryOptions = {
  /** The configured service: it is that of every domain. */
  readonly url: string | undefined;
  readonly network: DiscoveryNetwork;
  readonly clock: Clock;
  readonly trusts: TrustedHosts;
  readonly logger: Logger;
};

const MOST = 1_000;

/** The Autodiscover services of mail domains, each looked for at most once a day unless it stops answering. */
export class ServiceDirectory {
  readonly #options: ServiceDirectoryOptions;
  readonly #services = new LRUCache<string, { readonly url: string; readonly at: Instant }>({ max: MOST });

  constructor(options: ServiceDirectoryOptions) {
    this.#options = options;
  }

  /** @throws CalendarSourceError when none is found; the signal's reason when aborted */
  async of(mailDomain: string, signal: AbortSignal): Promise<string> {
    const { url: configured, network, clock, trusts, logger } = this.#options;
    if (configured !== undefined) return configured;
    const known = this.#services.get(mailDomain);
    const age = clock.now() - (known?.at ?? 0);
    if (known !== undefined && age >= 0 && age < DAY) return known.url;
    const url = await discoverService(mailDomain, { network, signal, trusts: (host) => trusts(host, mailDomain) });
    this.#services.set(mailDomain, { url, at: clock.now() });
    logger.info('An Autodiscover service is found', { domain: mailDomain, url });
    return url;
  }

  /** A service that does not do: it is looked for anew. */
  forget(url: string): void {
    for (const [domain, service] of this.#services.entries()) if (service.url === url) this.#services.delete(domain);
  }
}
