import type { Mailbox } from '../../../component/directory/directory.ts';
import type { BodyHandler } from '../xml/soap.ts';
import { writeEnvelope } from '../xml/soap-envelope.ts';
import type { Attributes } from '../xml/xml-tag.ts';
import { escapeXml } from '../xml/xml-text.ts';

/** The most subscriptions that one connection may carry. */
export const MAX_SUBSCRIPTIONS = 200;

/**
 * A GetStreamingEvents request: the answer goes on for that many minutes (1 to 30) with what happens meanwhile.
 *
 * https://learn.microsoft.com/exchange/client-developer/web-service-reference/getstreamingevents-operation
 */
export function writeGetStreamingEvents(ids: readonly string[], minutes: number, impersonate: Mailbox): string {
  return writeEnvelope(
    '<m:GetStreamingEvents><m:SubscriptionIds>' +
      ids.map((id) => `<t:SubscriptionId>${escapeXml(id)}</t:SubscriptionId>`).join('') +
      `</m:SubscriptionIds><m:ConnectionTimeout>${minutes}</m:ConnectionTimeout></m:GetStreamingEvents>`,
    { impersonate },
  );
}

/** What one envelope of the stream says. */
export type StreamingEvents = {
  /** The subscriptions in whose folders something happened. What it was is not read. */
  readonly changed: ReadonlySet<string>;
  /** The subscriptions that the server does not know (any more). */
  readonly unknown: ReadonlySet<string>;
  /** Whether the server ends the connection, as arranged. */
  readonly isClosed: boolean;
  /** The ResponseCode of a refusal; undefined when all is well. */
  readonly code: string | undefined;
  /** Whether it is an answer to GetStreamingEvents at all. */
  readonly isAnswer: boolean;
};

/** Reads one envelope of the stream. Feed it to a `SoapReader`. */
export class StreamingEventsReader implements BodyHandler {
  readonly #changed = new Set<string>();
  readonly #unknown = new Set<string>();
  #isClosed = false;
  #isAnswer = false;
  #isError = false;
  #code: string | undefined;
  #isInErrors = false;
  #subscription = '';
  #hasEvent = false;

  open(name: string, attributes: Attributes): void {
    switch (name.slice(2)) {
      case 'GetStreamingEventsResponseMessage':
        this.#isAnswer = true;
        if (attributes.ResponseClass?.value === 'Error') this.#isError = true;
        break;
      case 'ErrorSubscriptionIds':
        this.#isInErrors = true;
        break;
      case 'Notification':
        this.#subscription = '';
        this.#hasEvent = false;
        break;
    }
  }

  // By local names: documents and servers differ on which of the two namespaces a Notification and its id are in.
  close(name: string, text: string): void {
    const local = name.slice(2);
    switch (local) {
      case 'SubscriptionId':
        if (this.#isInErrors) this.#unknown.add(text.trim());
        else this.#subscription = text.trim();
        break;
      case 'ErrorSubscriptionIds':
        this.#isInErrors = false;
        break;
      case 'Notification':
        if (this.#hasEvent && this.#subscription !== '') this.#changed.add(this.#subscription);
        break;
      case 'ConnectionStatus':
        this.#isClosed = text.trim() === 'Closed';
        break;
      case 'ResponseCode':
        if (text.trim() !== 'NoError') this.#code ??= text.trim();
        break;
      default:
        if (local.endsWith('Event') && local !== 'StatusEvent') this.#hasEvent = true;
    }
  }

  get events(): StreamingEvents {
    return {
      changed: this.#changed,
      unknown: this.#unknown,
      isClosed: this.#isClosed,
      code: this.#isError ? (this.#code ?? 'an error without a code') : this.#code,
      isAnswer: this.#isAnswer,
    };
  }
}
