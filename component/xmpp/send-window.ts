type EndedWindow = { readonly id: string; readonly count: number };

/**
 * How many stanzas may be under way to the server. Pure: it writes nothing and knows no time.
 *
 * Stanzas fill the open window. When `wrote` says that it is full, or earlier, the owner ends it: it writes a ping
 * with a fresh id and calls `end`. The stream keeps the order, so whatever comes back with that id says that the
 * server has read that window and all before it (`acknowledge`).
 *
 * Bulk traffic keeps to `room` and so never has more than two windows unacknowledged. Replies don't ask: they count,
 * and bulk traffic waits for them too.
 */
export class SendWindow {
  readonly #size: number;
  readonly #ended: EndedWindow[] = [];
  #open = 0;
  #unacknowledged = 0;

  /** @param size stanzas a window, at least 1 */
  constructor(size: number) {
    if (!Number.isSafeInteger(size) || size < 1) throw new RangeError('A window holds at least one stanza');
    this.#size = size;
  }

  /** Stanzas written and not acknowledged. */
  get unacknowledged(): number {
    return this.#unacknowledged;
  }

  /** Stanzas written since the last window was ended. */
  get open(): number {
    return this.#open;
  }

  /** Windows that were ended and are not acknowledged. */
  get awaited(): number {
    return this.#ended.length;
  }

  /**
   * How many stanzas bulk traffic may write now: at most what fills the open window, so that a writer who takes all
   * of it ends a window each time and the next one is on its way while this one is being acknowledged.
   */
  room(): number {
    return Math.max(0, Math.min(this.#size - this.#open, 2 * this.#size - this.#unacknowledged));
  }

  /** Counts stanzas that were written. True: the open window is full and must be ended. */
  wrote(count: number): boolean {
    this.#open += count;
    this.#unacknowledged += count;
    return this.#open >= this.#size;
  }

  /** Ends the open window, be it full, partial or empty. */
  end(id: string): void {
    this.#ended.push({ id, count: this.#open });
    this.#open = 0;
  }

  /** Acknowledges the window that ended with `id`, and all before it. Returns their ids; none when it knows no such id. */
  acknowledge(id: string): string[] {
    const index = this.#ended.findIndex((window) => window.id === id);
    const acknowledged = this.#ended.splice(0, index + 1);
    for (const window of acknowledged) this.#unacknowledged -= window.count;
    return acknowledged.map((window) => window.id);
  }
}
