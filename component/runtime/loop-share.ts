/**
 * A share of each turn of the event loop, for work that may be large and is done in pieces: all who use it have that
 * much together. Immediates alone do not do it: those of ten pieces of work run in one turn.
 */
export class LoopShare {
  readonly #share: number;
  #spent = 0;
  #lastTurn: Promise<void> = Promise.resolve();

  /** @param share the most that is done in one turn, in a unit of the user's choosing */
  constructor(share: number) {
    this.#share = share;
  }

  /** Whether a piece may be done now; it then counts. One that is larger than the share has a turn of its own. */
  take(size: number): boolean {
    if (this.#spent > 0 && this.#spent + size > this.#share) return false;
    if (this.#spent === 0) setImmediate(() => (this.#spent = 0));
    this.#spent += size;
    return true;
  }

  /** Resolves in a later turn, one after the other for all who wait. */
  next(): Promise<void> {
    this.#lastTurn = this.#lastTurn.then(() => new Promise((resolve) => setImmediate(resolve)));
    return this.#lastTurn;
  }
}
