/**
 * Bounds the work that inbound stanzas have begun. When `limit` pieces of work are unsettled it is full, and says so
 * once; when half of them have settled it says that it is empty enough.
 */
export class InboundBacklog {
  readonly #limit: number;
  readonly #valve: { full(): void; empty(): void };
  #working = 0;
  #isFull = false;

  constructor(limit: number, valve: { full(): void; empty(): void }) {
    this.#limit = limit;
    this.#valve = valve;
  }

  /** @param work must not reject */
  add(work: Promise<void>): void {
    this.#working++;
    if (this.#working >= this.#limit && !this.#isFull) {
      this.#isFull = true;
      this.#valve.full();
    }
    void work.then(() => {
      this.#working--;
      if (this.#isFull && this.#working <= this.#limit / 2) {
        this.#isFull = false;
        this.#valve.empty();
      }
    });
  }
}
