import { LRUCache } from 'lru-cache';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { type Clock, DAY, type Instant, MINUTE } from '../../../component/runtime/clock.ts';
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
/** A domain without a service is left alone for so long: to look at all places takes half a minute where none answers. */
const PAUSE = 5 * MINUTE;

type Search = { readonly result: { readonly url: string } | CalendarSourceError; readonly at: Instant };

/** The Autodiscover services of mail domains, each looked for at most once a day unless it stops answering. */
export class ServiceDirectory {
  readonly #options: ServiceDirectoryOptions;
  readonly #services = new LRUCache<string, Search>({ max: MOST });

  constructor(options: ServiceDirectoryOptions) {
    this.#options = options;
  }

  /** @throws CalendarSourceError when none is found; the signal's reason when aborted */
  async of(mailDomain: string, signal: AbortSignal): Promise<string> {
    const { url: configured, network, clock, trusts, logger } = this.#options;
    if (configured !== undefined) return configured;
    const known = this.#services.get(mailDomain);
    const age = clock.now() - (known?.at ?? 0);
    if (known !== undefined && age >= 0) {
      const { result } = known;
      if (!(result instanceof CalendarSourceError) && age < DAY) return result.url;
      if (result instanceof CalendarSourceError && age < PAUSE) throw result;
    }
    try {
      const url = await discoverService(mailDomain, { network, signal, trusts: (host) => trusts(host, mailDomain) });
      this.#services.set(mailDomain, { result: { url }, at: clock.now() });
      logger.info('An Autodiscover service is found', { domain: mailDomain, url });
      return url;
    } catch (error) {
      // A search that was broken off, or did not get past the proxy, has found nothing out.
      const isVerdict = error instanceof CalendarSourceError && error.kind !== 'proxy-unauthorized';
      if (isVerdict && !signal.aborted) this.#services.set(mailDomain, { result: error, at: clock.now() });
      throw error;
    }
  }

  /** A service that does not do: it is looked for anew. */
  forget(url: string): void {
    for (const [domain, { result }] of this.#services.entries()) {
      if ('url' in result && result.url === url) this.#services.delete(domain);
    }
  }
}
