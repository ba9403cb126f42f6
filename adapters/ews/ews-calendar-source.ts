import type { CalendarSource } from '../../component/calendar/calendar-source.ts';
import { RequestBudget } from '../../component/calendar/request-budget.ts';
import { askInHalves } from '../../component/calendar/split-batch.ts';
import type { Mailbox } from '../../component/directory/directory.ts';
import type { Clock } from '../../component/runtime/clock.ts';
import type { Logger } from '../../component/runtime/logger.ts';
import { AutomaticReplies } from './automatic-replies/automatic-replies.ts';
import { askFreeBusy } from './free-busy-request.ts';
import { MAX_MAILBOXES } from './get-user-availability.ts';
import type { Credentials } from './http/authentication.ts';
import { createEwsTransport, defaultEwsLimits, type EwsLimits } from './http/ews-transport.ts';
import type { HttpProxy } from './http/proxy.ts';
import { impossible, isPossible } from './possible-mailbox.ts';
import { StreamingFeed } from './streaming/streaming-feed.ts';

export type NotificationOptions = {
  /** The most mailboxes to listen for; 0: no change notifications. */
  readonly mailboxes: number;
  /** Which mailboxes are on one server (Autodiscover's GroupingInformation); undefined where that is not known. */
  readonly groupOf?: ((mailbox: Mailbox) => string | undefined) | undefined;
};

export type EwsCalendarSourceOptions = {
  /** The configured name of the server. */
  readonly name: string;
  readonly url: string;
  readonly credentials: Credentials;
  /** Shared by all that ask this server with this account. Default: one of its own. */
  readonly budget?: RequestBudget | undefined;
  /** Certificates (PEM) of authorities that are trusted besides the usual ones. */
  readonly ca?: string | undefined;
  readonly proxy?: HttpProxy | undefined;
  /** The most requests in flight, if the budget allows it. Exchange's default policy allows an account 27; keep well below. */
  readonly concurrency: number;
  /** The mailbox in whose name free/busy is asked, where the account has none of its own (OAuth). */
  readonly impersonate?: Mailbox | undefined;
  /** Whether the account may act in the name of the mailboxes (ApplicationImpersonation). Default: false. */
  readonly impersonation?: boolean | undefined;
  /** Change notifications, which need the impersonation. Default: none. */
  readonly notifications?: NotificationOptions | undefined;
  /** Whether somebody with automatic replies is out of office. Default: false. */
  readonly automaticReplies?: boolean | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<EwsLimits> | undefined;
  /** For the jitter of pauses, a number in [0, 1). */
  readonly random?: (() => number) | undefined;
};

/** A calendar source that holds connections. */
export interface EwsCalendarSource extends CalendarSource {
  /** Ends the notifications and the requests under way (`unreachable`) and closes all connections. */
  close(): Promise<void>;
}

/**
 * One Exchange server as a calendar source, by the EWS operation GetUserAvailability.
 *
 * @throws RangeError when the URL, the certificates or the proxy can't be used
 */
export function createEwsCalendarSource(options: EwsCalendarSourceOptions): EwsCalendarSource {
  const { name, clock, impersonate, concurrency } = options;
  const random = options.random ?? Math.random;
  const logger = options.logger.child({ server: name });
  const transport = createEwsTransport({ ...options, connections: concurrency });
  const budget = options.budget ?? new RequestBudget({ name, concurrency, random });
  const context = { transport, clock, logger, knownOddities: new Set<string>(), impersonate };
  const requestLimit = options.limits?.request ?? defaultEwsLimits.request;
  const shared = { transport, budget, clock, logger, random, requestLimit };
  const impersonation = options.impersonation ?? false;
  const replies = options.automaticReplies
    ? new AutomaticReplies({ ...shared, sendingAs: impersonate, impersonation })
    : undefined;
  const changes = createFeed();

  return {
    name,
    batchSize: MAX_MAILBOXES,
    budget,
    changes,
    async freeBusy(mailboxes, window, signal) {
      if (mailboxes.length > MAX_MAILBOXES) throw new RangeError(`More than ${MAX_MAILBOXES} mailboxes in a request`);
      const possible = mailboxes.filter(isPossible);
      if (possible.length === 0) return mailboxes.map(impossible);
      const ask = (some: readonly Mailbox[]) => askFreeBusy(context, some, window, signal);
      const [answers] = await Promise.all([
        budget.run(clock, () => askInHalves(possible, ask)),
        replies?.refresh(possible, signal),
      ]);
      let next = 0;
      return mailboxes.map((mailbox) => {
        const answer = (isPossible(mailbox) && answers[next++]) || impossible(mailbox);
        return replies?.merge(answer, window) ?? answer;
      });
    },
    async close() {
      await changes?.stop();
      await transport.close();
    },
  };

  function createFeed(): StreamingFeed | undefined {
    const { notifications } = options;
    if (!impersonation || notifications === undefined || notifications.mailboxes < 1) return undefined;
    const openStreams = (connections: number) => createEwsTransport({ ...options, connections });
    return new StreamingFeed({ ...shared, openStreams, ...notifications });
  }
}
