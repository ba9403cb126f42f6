import type { CalendarSource, FreeBusyAnswer } from '../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../component/calendar/calendar-source-error.ts';
import { RequestBudget } from '../../component/calendar/request-budget.ts';
import type { Mailbox } from '../../component/directory/directory.ts';
import type { Clock } from '../../component/runtime/clock.ts';
import type { Logger } from '../../component/runtime/logger.ts';
import type { Credentials } from './authentication.ts';
import { createEwsTransport, type EwsLimits } from './ews-transport.ts';
import { askFreeBusy } from './free-busy-request.ts';
import { MAX_MAILBOXES } from './get-user-availability.ts';
import { isXmlText } from './soap.ts';

export type EwsCalendarSourceOptions = {
  /** The configured name of the server. */
  readonly name: string;
  readonly url: string;
  readonly credentials: Credentials;
  /** Certificates (PEM) of authorities that are trusted besides the usual ones. */
  readonly ca?: string | undefined;
  /** The most requests in flight. Exchange's default policy allows an account 27; keep well below. */
  readonly concurrency: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<EwsLimits> | undefined;
  /** For the jitter of pauses, a number in [0, 1). */
  readonly random?: (() => number) | undefined;
};

/** A calendar source that holds connections. */
export interface EwsCalendarSource extends CalendarSource {
  /** Ends the requests under way (`unreachable`) and closes all connections. */
  close(): Promise<void>;
}

/**
 * One Exchange server as a calendar source, by the EWS operation GetUserAvailability.
 *
 * @throws RangeError when the URL or the certificates can't be used
 */
export function createEwsCalendarSource(options: EwsCalendarSourceOptions): EwsCalendarSource {
  const { name, clock } = options;
  const logger = options.logger.child({ server: name });
  const transport = createEwsTransport({ ...options, connections: options.concurrency });
  const budget = new RequestBudget({ concurrency: options.concurrency, random: options.random ?? Math.random });
  const context = { transport, clock, logger, knownOddities: new Set<string>() };

  return {
    name,
    batchSize: MAX_MAILBOXES,
    budget,
    async freeBusy(mailboxes, window, signal) {
      if (mailboxes.length > MAX_MAILBOXES) throw new RangeError(`More than ${MAX_MAILBOXES} mailboxes in a request`);
      const possible = mailboxes.filter(isPossible);
      if (possible.length === 0) return mailboxes.map(impossible);
      const answers = await budget.run(clock, () => askFreeBusy(context, possible, window, signal));
      let next = 0;
      return mailboxes.map((mailbox) => (isPossible(mailbox) && answers[next++]) || impossible(mailbox));
    },
    close: () => transport.close(),
  };
}

/** Whether an address can be written into a request at all. One that can't would fail the whole batch. */
function isPossible(mailbox: Mailbox): boolean {
  return mailbox.trim() !== '' && isXmlText(mailbox);
}

function impossible(mailbox: Mailbox): FreeBusyAnswer {
  return { mailbox, error: new CalendarSourceError('mailbox-not-found', 'No mailbox can have such an address') };
}
