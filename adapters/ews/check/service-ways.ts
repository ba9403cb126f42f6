import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { defaultEwsLimits, type EwsTransportOptions } from '../http/ews-transport.ts';
import type { CheckFinding } from './check-finding.ts';
import { checkNetwork, targetOf } from './network-check.ts';

/** The code of the error when there is no way to a service: why, the findings say. */
export const NO_WAY = 'NO_WAY';

type Connection = Pick<EwsTransportOptions, 'ca' | 'proxy' | 'limits' | 'clock'>;

/** The ways to the Autodiscover services that are asked: each is looked at once, before it is given the password. */
export class ServiceWays {
  /** The services in the order in which they were looked at. */
  readonly hosts: string[] = [];
  readonly findings: CheckFinding[] = [];
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** @throws CalendarSourceError with the code NO_WAY when there is none; the signal's reason when aborted */
  async check(address: string, signal: AbortSignal): Promise<void> {
    const url = new URL(address);
    if (this.hosts.includes(url.host)) return;
    this.hosts.push(url.host);
    const { ca, proxy, clock, limits = {} } = this.#connection;
    const tls = url.protocol === 'https:' ? { ca } : undefined;
    const limit = limits.connect ?? defaultEwsLimits.connect;
    for await (const finding of checkNetwork({ ...targetOf(url), tls, proxy, limit, clock, signal })) {
      this.findings.push({ service: 'autodiscover', ...finding });
      if (finding.severity !== 'error') continue;
      throw new CalendarSourceError('unreachable', `There is no way to ${url.host}`, { code: NO_WAY });
    }
  }
}
