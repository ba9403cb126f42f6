import type { FreeBusyAnswer } from '../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../component/calendar/calendar-source-error.ts';
import type { TimeWindow } from '../../component/calendar/timeline.ts';
import type { Mailbox } from '../../component/directory/directory.ts';
import type { Clock } from '../../component/runtime/clock.ts';
import type { Logger } from '../../component/runtime/logger.ts';
import { errorOfAnswer } from './ews-error.ts';
import { GetUserAvailabilityReader, writeGetUserAvailability } from './get-user-availability.ts';
import type { EwsTransport } from './http/ews-transport.ts';
import { SoapReader } from './xml/soap.ts';
import { anchorHeaders } from './xml/soap-envelope.ts';

export type FreeBusyContext = {
  readonly transport: EwsTransport;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What was already said in the log to be unknown here. */
  readonly knownOddities: Set<string>;
  /** In whose name to ask: OAuth's application permissions want a mailbox, any one. Free/busy rights need none. */
  readonly impersonate?: Mailbox | undefined;
};

/** A server that invents a new word each time must fill neither the memory nor the log. */
const MOST_ODDITIES = 100;

/**
 * Asks for the free/busy of at most 100 mailboxes: one request, one answer.
 *
 * @returns one answer for each mailbox, in their order
 * @throws CalendarSourceError when the request failed as a whole; the signal's reason when aborted
 */
export async function askFreeBusy(
  { transport, clock, logger, knownOddities, impersonate }: FreeBusyContext,
  mailboxes: readonly Mailbox[],
  window: TimeWindow,
  signal: AbortSignal,
): Promise<readonly FreeBusyAnswer[]> {
  const reader = new GetUserAvailabilityReader(window);
  const soap = new SoapReader(reader);
  const started = clock.now();
  const facts = () => ({ mailboxes: mailboxes.length, milliseconds: clock.now() - started });
  try {
    const body = writeGetUserAvailability(mailboxes, window, { impersonate });
    const request = { body, headers: anchorHeaders(impersonate), signal };
    const answer = await transport.post(request, (text) => soap.write(text));
    const message = soap.end();
    const error = errorOfAnswer(answer, message, clock.now());
    if (error !== undefined) {
      // The server's own words may name people: they are for this level only.
      logger.debug('Exchange refused', { status: answer.status, said: message.fault?.text ?? message.beginning });
      throw error;
    }
    const answers = reader.answers(mailboxes, message.backOff);
    logger.debug('Exchange answered', facts());
    return answers;
  } catch (error) {
    if (error instanceof CalendarSourceError) {
      logger.debug('Free/busy request failed', { ...facts(), kind: error.kind, code: error.code });
    }
    throw error;
  } finally {
    for (const value of reader.oddities) {
      if (knownOddities.has(value) || knownOddities.size >= MOST_ODDITIES) continue;
      knownOddities.add(value);
      logger.warn('Exchange sent a busy type or a time that makes no sense here; it is not taken for free', { value });
    }
  }
}
