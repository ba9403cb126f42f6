// One connection of GetStreamingEvents, from its first envelope to its last.
// docs: GetStreamingEvents operation, ConnectionTimeout, ConnectionStatus,
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/connectionstatus
//       ResponseCode: ErrorNewEventStreamConnectionOpened goes to the first connection when a second one is opened,
//       ErrorSubscriptionUnsubscribed to the connection that serves the subscription at that time,
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode
// From judgement: the pause between signs of life (about 45 s, as measured of real servers) begins anew with each
// envelope; losing a subscription does not end the stream as long as it has others.

import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../../../component/runtime/clock.ts';
import type { Faults } from './faults.ts';
import { streamError, streamEvents, streamStatus } from './notification-answer.ts';
import { GARBAGE } from './streaming-faults.ts';
import type { EventListener, Subscription, Subscriptions } from './subscriptions.ts';

const HEARTBEAT = 45_000;

const LOST = {
  ErrorReadEventsFailed: 'The events of the subscription can no longer be read.',
  ErrorSubscriptionUnsubscribed: 'The subscription was ended while this connection served it.',
  ErrorMissedNotificationEvents: 'Events were missed.',
  ErrorNewEventStreamConnectionOpened: 'Another connection was opened for the subscription.',
} as const;

type Parts = {
  readonly subscriptions: Subscriptions;
  readonly faults: Faults;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly timeout: number;
};

/**
 * Sends what happens to some subscriptions.
 *
 * waiting (only by the fault `stream-late`) → open → ended. It ends by itself after `timeout` or with its last
 * subscription, with Closed; by a fault; or when the client goes.
 */
export class EventStream implements EventListener {
  readonly #parts: Parts;
  readonly #subscriptions: Set<Subscription>;
  #response: ServerResponse | undefined;
  #heartbeat: Timer | undefined;
  #end: Timer | undefined;
  #isOpen = false;
  #isWoken = false;

  constructor(subscriptions: readonly Subscription[], parts: Parts) {
    this.#subscriptions = new Set(subscriptions);
    this.#parts = parts;
  }

  /** The ids that it serves. */
  get ids(): readonly string[] {
    return [...this.#subscriptions].map(({ id }) => id);
  }

  /** Serves until the end; to be called once, when the status line is prepared. */
  async run(response: ServerResponse): Promise<void> {
    const { clock, faults, subscriptions, timeout } = this.#parts;
    const closed = new Promise<void>((resolve) => response.once('close', resolve));
    this.#response = response;
    for (const one of this.#subscriptions) subscriptions.connect(one, this);
    const delay = faults.takeStreamDelay();
    if (delay > 0) this.#heartbeat = clock.after(delay, () => this.#open());
    else this.#open();
    this.#end = clock.after(timeout, () => this.#close());
    await closed;
    this.#end.cancel();
    this.#heartbeat?.cancel();
    this.#response = undefined;
    for (const one of this.#subscriptions) subscriptions.disconnect(one, this);
  }

  /** A sign of life, out of turn. */
  beat(): void {
    if (!this.#isOpen) return;
    const { style } = this.#parts.faults;
    if (style.heartbeats === 'connection-status') this.#send([streamStatus(style, 'OK')]);
    else {
      const events = [{ type: 'StatusEvent', at: this.#parts.clock.now(), item: undefined }] as const;
      this.#send([
        streamEvents(
          style,
          [...this.#subscriptions].map((subscription) => ({ subscription, events })),
        ),
      ]);
    }
  }

  wake(): void {
    if (this.#isWoken) return;
    this.#isWoken = true;
    // What happens together is told together.
    queueMicrotask(() => {
      this.#isWoken = false;
      this.#flush();
    });
  }

  lose(subscription: Subscription, code: keyof typeof LOST): void {
    if (!this.#subscriptions.delete(subscription)) return;
    const isLast = this.#subscriptions.size === 0;
    const error = { code, message: LOST[code] };
    const { style } = this.#parts.faults;
    // A stream that was to begin late begins with this.
    this.#isOpen = true;
    this.#send([streamError(style, error, [subscription.id], isLast ? 'Closed' : undefined)], isLast);
  }

  #open(): void {
    this.#isOpen = true;
    this.#send([streamStatus(this.#parts.faults.style, 'OK')]);
    this.#flush();
  }

  #flush(): void {
    if (!this.#isOpen || this.#response === undefined) return;
    const { style } = this.#parts.faults;
    const batches = [...this.#subscriptions].flatMap((subscription) => {
      const events = subscription.waiting;
      subscription.waiting = [];
      return events.length === 0 ? [] : [{ subscription, events }];
    });
    if (batches.length === 0) return;
    const envelopes =
      style.envelopes === 'one' ? [streamEvents(style, batches)] : batches.map((batch) => streamEvents(style, [batch]));
    this.#send(envelopes);
  }

  #close(): void {
    this.#flush();
    this.#send([streamStatus(this.#parts.faults.style, 'Closed')], true);
  }

  /** @param isLast the stream ends with them */
  #send(envelopes: readonly string[], isLast = false): void {
    const { faults, clock } = this.#parts;
    const whole: string[] = [];
    for (const envelope of envelopes) {
      const fault = faults.takeStreamFault();
      switch (fault?.kind) {
        case undefined:
        case 'stream-late':
          whole.push(envelope);
          break;
        case 'stream-silent':
          break;
        case 'stream-garbage':
          whole.push(`${fault.text ?? GARBAGE}${envelope}`);
          break;
        case 'stream-cut':
          this.#write([...whole, envelope.slice(0, envelope.length >> 1)], 'broken');
          return;
        case 'stream-end':
          this.#write(whole, 'whole');
          return;
        case 'stream-error': {
          const error = { code: fault.code ?? 'ErrorReadEventsFailed', message: 'Something went wrong.' };
          this.#write([...whole, streamError(faults.style, error, [], 'Closed')], 'whole');
          return;
        }
      }
    }
    this.#write(whole, isLast ? 'whole' : undefined);
    this.#heartbeat?.cancel();
    if (!isLast) this.#heartbeat = clock.after(HEARTBEAT, () => this.beat());
  }

  /** @param ending how the answer ends with them; nothing is written afterwards */
  #write(texts: readonly string[], ending?: 'whole' | 'broken'): void {
    const response = this.#response;
    if (response === undefined) return;
    const { chunks } = this.#parts.faults.style;
    const buffers = texts.map((text) => Buffer.from(text));
    const pieces = chunks === 'each' ? buffers : [Buffer.concat(buffers)];
    const size = typeof chunks === 'number' ? chunks : Number.POSITIVE_INFINITY;
    for (const piece of pieces) {
      for (let at = 0; at < piece.length; at += size) response.write(piece.subarray(at, at + size));
    }
    if (ending === undefined) return;
    this.#response = undefined;
    if (ending === 'whole') response.end();
    // The bytes go first.
    else response.write('', () => response.destroy());
  }
}
