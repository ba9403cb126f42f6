import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { type Clock, SECOND, type Timer } from '../../../component/runtime/clock.ts';
import { errorOfAnswer, limitBackOff } from '../ews-error.ts';
import type { EwsAnswer, EwsTransport } from '../http/ews-transport.ts';
import { kindOfResponseCode } from '../response-code.ts';
import type { SpareSlots } from '../spare-slots.ts';
import type { SoapMessage } from '../xml/soap.ts';
import { type StreamingEvents, writeGetStreamingEvents } from './get-streaming-events.ts';
import { StreamingReader } from './streaming-reader.ts';
import { type Affinity, affinityHeaders } from './subscribe.ts';

/** Exchange sends a sign of life about every 45 seconds: twice that without a whole one is a dead connection. */
const LONGEST_SILENCE = 90 * SECOND;

/** After its last word the server ends the answer itself; one that does not is helped. */
const FAREWELL = SECOND;

/** How long the opening of a stream may count as a request in the server's budget. */
const OPENING = 10 * SECOND;

/**
 * How a stream ended:
 * - `closed`: the server ended it, as arranged; the subscriptions live on
 * - `unknown-subscriptions`: the server does not know these (any more); with them it refused all others
 * - `too-many`: the server allows no more connections to the mailbox in whose name this one was to be opened
 * - `lost`: anything else
 */
export type StreamEnd =
  | { readonly kind: 'closed' }
  | { readonly kind: 'unknown-subscriptions'; readonly ids: ReadonlySet<string> }
  | { readonly kind: 'too-many'; readonly error: CalendarSourceError }
  | { readonly kind: 'lost'; readonly error: CalendarSourceError };

export type StreamContext = {
  /** Connections of their own: each answer takes half an hour. */
  readonly transport: EwsTransport;
  readonly clock: Clock;
  readonly slots: SpareSlots;
};

export type StreamRequest = {
  readonly ids: readonly string[];
  readonly affinity: Affinity;
  /** How long the server shall keep the connection, 1 to 30. */
  readonly minutes: number;
  readonly signal: AbortSignal;
  /** The server listens now. */
  readonly onHeard: () => void;
  /** Something happened in the subscription's folder. */
  readonly onChanged: (id: string) => void;
};

/**
 * Listens on one connection (GetStreamingEvents) until it ends, in whatever way.
 *
 * The opening is a request in the server's budget until the server has said something: a hanging answer is no load
 * that it counts among the others. A server that is busy later on says so to the budget, too.
 *
 * @throws the signal's reason when aborted
 */
export async function listen(context: StreamContext, request: StreamRequest): Promise<StreamEnd> {
  let following: Promise<StreamEnd> | undefined;
  let isTold = false;
  try {
    await context.slots.run(request.signal, async () => {
      let timer: Timer | undefined;
      const heard = new Promise<void>((resolve, reject) => {
        timer = context.clock.after(OPENING, () => reject(new NoVerdict()));
        const onHeard = () => {
          resolve();
          request.onHeard();
        };
        following = follow(context, { ...request, onHeard });
      });
      const end = await Promise.race([heard, following]).finally(() => timer?.cancel());
      const error = end === undefined ? undefined : errorOf(end);
      if (error === undefined) return;
      isTold = true;
      throw error;
    });
  } catch (error) {
    request.signal.throwIfAborted();
    // The budget may have been used up a moment before.
    if (following === undefined) return { kind: 'lost', error: error as CalendarSourceError };
  }
  const end = await (following as unknown as Promise<StreamEnd>);
  const error = errorOf(end);
  if (!isTold && error instanceof CalendarSourceError) context.slots.report(error);
  return end;
}

/** What the end of a stream says to the budget. */
function errorOf(end: StreamEnd): Error | undefined {
  if (end.kind === 'lost') return end.error;
  if (end.kind !== 'too-many') return undefined;
  // It is the account of one mailbox that is used up; to be left alone is what the server wants for all.
  return end.error.retryAfter === undefined ? new NoVerdict() : end.error;
}

/** What says neither that the server is well nor that it is not: the budget must take it for neither. */
class NoVerdict extends Error {
  override readonly name = 'NoVerdict';
}

async function follow({ transport, clock }: StreamContext, request: StreamRequest): Promise<StreamEnd> {
  const { ids, affinity, minutes, signal } = request;
  const silence = new AbortController();
  let watchdog: Timer | undefined;
  const watch = (limit: number) => {
    watchdog?.cancel();
    watchdog = clock.after(limit, () => silence.abort(silent()));
  };
  let head: EwsAnswer | undefined;
  let end: StreamEnd | undefined;
  let isHeard = false;
  const reader = new StreamingReader((events, message) => {
    if (end !== undefined || head === undefined) return;
    for (const id of events.changed) request.onChanged(id);
    end = endOf(events, message, head, clock.now(), ids);
    watch(end === undefined ? LONGEST_SILENCE : FAREWELL);
    if (isHeard || end !== undefined) return;
    isHeard = true;
    request.onHeard();
  });

  watch(LONGEST_SILENCE);
  try {
    const onAnswer = (answer: EwsAnswer) => {
      head = answer;
    };
    const post = {
      body: writeGetStreamingEvents(ids, minutes, affinity.anchor),
      headers: affinityHeaders(affinity),
      signal: AbortSignal.any([signal, silence.signal]),
      limits: {
        request: Number.POSITIVE_INFINITY,
        silence: Number.POSITIVE_INFINITY,
        answerBytes: Number.POSITIVE_INFINITY,
      },
      onAnswer,
    };
    const answer = await transport.post(post, (text) => reader.write(text));
    if (reader.isInEnvelope || answer.status !== 200) reader.end();
    if (end !== undefined) return end;
    return isHeard
      ? lost('unreachable', 'A notification stream ended before its time')
      : lost('malformed', 'A notification stream ended before it began');
  } catch (error) {
    signal.throwIfAborted();
    return end ?? { kind: 'lost', error: error as CalendarSourceError };
  } finally {
    watchdog?.cancel();
  }
}

/** Whether an envelope is the stream's last, and why. */
function endOf(
  events: StreamingEvents,
  message: SoapMessage,
  head: EwsAnswer,
  now: number,
  ids: readonly string[],
): StreamEnd | undefined {
  const error = errorOfAnswer(head, message, now);
  if (error !== undefined) return endOfError(error, ids);
  const { code, unknown } = events;
  const refusal =
    code === undefined
      ? undefined
      : new CalendarSourceError(kindOfResponseCode(code), `Exchange ended a notification stream: ${code}`, {
          code,
          ...limitBackOff(message.backOff),
        });
  // One that is busy names subscriptions, too; they are as good as before.
  const isBusy = refusal?.kind === 'throttled' || refusal?.retryAfter !== undefined;
  if (unknown.size > 0 && !isBusy) return { kind: 'unknown-subscriptions', ids: unknown };
  if (refusal !== undefined) return endOfError(refusal, ids);
  if (events.isClosed) return { kind: 'closed' };
  return events.isAnswer ? undefined : lost('malformed', 'A notification stream brought another message');
}

function endOfError(error: CalendarSourceError, ids: readonly string[]): StreamEnd {
  if (error.code === 'ErrorExceededConnectionCount') return { kind: 'too-many', error };
  if (error.retryAfter !== undefined) return { kind: 'lost', error };
  switch (error.code) {
    case 'ErrorInvalidSubscription':
    case 'ErrorSubscriptionNotFound':
    case 'ErrorInvalidSubscriptionRequest':
      // It does not say which.
      return { kind: 'unknown-subscriptions', ids: new Set(ids) };
    default:
      return { kind: 'lost', error };
  }
}

function lost(kind: CalendarSourceError['kind'], message: string): StreamEnd {
  return { kind: 'lost', error: new CalendarSourceError(kind, message) };
}

function silent(): CalendarSourceError {
  return new CalendarSourceError('unreachable', 'A notification stream fell silent', { code: 'SILENCE' });
}
