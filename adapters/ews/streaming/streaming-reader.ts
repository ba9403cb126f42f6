import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { type SoapMessage, SoapReader } from '../xml/soap.ts';
import { type StreamingEvents, StreamingEventsReader } from './get-streaming-events.ts';

/** An envelope with an event for each of 200 subscriptions has some 100,000 characters. */
const MAX_ENVELOPE = 4 * 1024 * 1024;

/** What stands between two envelopes: white space, and a byte order mark from a server that writes each as a file. */
const GAP = /[\s\ufeff]*/y;

/**
 * Reads the body of a GetStreamingEvents answer: one complete SOAP envelope after the other, many in a chunk or one
 * over many chunks, as they come.
 */
export class StreamingReader {
  readonly #onEnvelope: (events: StreamingEvents, message: SoapMessage) => void;
  #events = new StreamingEventsReader();
  #soap = new SoapReader(this.#events);
  #size = 0;

  constructor(onEnvelope: (events: StreamingEvents, message: SoapMessage) => void) {
    this.#onEnvelope = onEnvelope;
  }

  /**
   * Takes the next piece of the body.
   *
   * @throws CalendarSourceError `malformed` when an envelope is too large; what `onEnvelope` throws
   */
  write(text: string): void {
    for (let position = 0; position < text.length; ) {
      if (this.#size === 0) position = afterGap(text, position);
      if (position === text.length) return;
      const end = this.#soap.writeUntilEnd(text, position);
      this.#size += end - position;
      position = end;
      if (this.#size > MAX_ENVELOPE) {
        throw new CalendarSourceError('malformed', 'A message in the notification stream has no end');
      }
      const isBroken = this.#soap.problem !== undefined;
      if (isBroken || this.#soap.isComplete) this.end();
      // Where the next one begins nobody can tell then.
      if (isBroken) return;
    }
  }

  /** Takes what came since the last complete envelope for a whole one: for an answer that is no stream. */
  end(): void {
    const message = this.#soap.end();
    const { events } = this.#events;
    this.#events = new StreamingEventsReader();
    this.#soap = new SoapReader(this.#events);
    this.#size = 0;
    this.#onEnvelope(events, message);
  }

  /** Whether an envelope has begun and not ended. */
  get isInEnvelope(): boolean {
    return this.#size > 0;
  }
}

function afterGap(text: string, position: number): number {
  GAP.lastIndex = position;
  GAP.test(text);
  return GAP.lastIndex;
}
