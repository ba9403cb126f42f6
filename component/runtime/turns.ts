import type { Clock, Timer } from './clock.ts';

/**
 * Goes through many things, some in each turn of the event loop: whatever else is to be done meanwhile has its own turn in
 * between. The first ones are done at once.
 */
export class Turns<Item> {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #visit: (item: Item) => void;
  #items: Iterator<Item> | undefined;
  #timer: Timer | undefined;

  /** @param most how many are visited in one turn */
  constructor(clock: Clock, most: number, visit: (item: Item) => void) {
    this.#clock = clock;
    this.#most = most;
    this.#visit = visit;
  }

  /** Whether there are some left. */
  get isUnderWay(): boolean {
    return this.#items !== undefined;
  }

  /** Begins, and ends what was under way. @param done called when all have been visited */
  begin(items: Iterable<Item>, done?: () => void): void {
    this.stop();
    this.#items = items[Symbol.iterator]();
    this.#go(done);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#items = undefined;
  }

  #go(done: (() => void) | undefined): void {
    for (let count = 0; count < this.#most; count++) {
      const next = this.#items?.next();
      if (next === undefined) return;
      if (next.done) {
        this.#items = undefined;
        done?.();
        return;
      }
      this.#visit(next.value);
    }
    this.#timer = this.#clock.after(0, () => this.#go(done));
  }
}
