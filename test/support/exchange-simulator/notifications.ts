// What tests see of the notifications, and do to them.

import type { Backends } from './backends.ts';
import type { EventStream } from './event-stream.ts';
import type { Subscriptions } from './subscriptions.ts';

export class Notifications {
  readonly #subscriptions: Subscriptions;
  readonly #streams: ReadonlySet<EventStream>;
  readonly #backends: Backends;

  constructor(subscriptions: Subscriptions, streams: ReadonlySet<EventStream>, backends: Backends) {
    this.#subscriptions = subscriptions;
    this.#streams = streams;
    this.#backends = backends;
  }

  /** The subscriptions that live, in the order of their making. */
  get subscriptions(): readonly { readonly id: string; readonly mailbox: string; readonly backend: number }[] {
    return this.#subscriptions.all.map(({ id, mailbox, backend }) => ({ id, mailbox, backend }));
  }

  /** The connections of GetStreamingEvents that are open: the ids that each serves. */
  get streams(): readonly (readonly string[])[] {
    return [...this.#streams].map(({ ids }) => ids);
  }

  /** Sends a sign of life on each open connection now. */
  beat(): void {
    for (const stream of this.#streams) stream.beat();
  }

  /** The web service starts again, on one backend or on all: its subscriptions are lost. */
  restart(backend?: number): void {
    this.#subscriptions.lose((one) => backend === undefined || one.backend === backend);
  }

  /** A mailbox's database moves to another backend: its subscriptions are lost. */
  moveMailbox(mailbox: string, backend: number): void {
    this.#backends.move(mailbox, backend);
    this.loseMailbox(mailbox);
  }

  /** The subscriptions of a mailbox are lost, as when it moves away. */
  loseMailbox(mailbox: string): void {
    this.#subscriptions.lose((one) => one.mailbox === mailbox.toLowerCase());
  }
}
