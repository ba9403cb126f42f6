import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long the event loop may be held in one go, in milliseconds. */
const TURN = 2;

/**
 * Lets work that comes in pieces hold the event loop for a few milliseconds at a time.
 *
 * Awaiting the next chunk of a stream is not enough: Node reads up to 32 times 64 KiB from a socket before anything else
 * has its turn, and reading 2 MiB of an answer took 20–60 ms (measured, Node 20).
 */
export class ShortTurns {
  #spent = 0;

  /** Does a piece of the work; the promise, if any, is to be awaited before the next one. */
  run(piece: () => void): Promise<void> | undefined {
    const began = performance.now();
    piece();
    this.#spent += performance.now() - began;
    if (this.#spent < TURN) return undefined;
    this.#spent = 0;
    return nextTurn();
  }
}
