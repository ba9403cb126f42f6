/** UTF-8 has at most three bytes for a character of a string (a pair of surrogates has four). */
const BYTES = 3;
/** Two windows of stanzas with long texts; more is rare, and gets memory of its own. */
const SIZE = 1024 * 1024;

/**
 * Bytes for the socket, in the same memory again and again.
 *
 * A socket that is given a string takes new memory for three times its length, outside the heap, for each window of
 * stanzas: with the copy into it that was a third of the processor time of a fan-out (measured).
 */
export class TextBuffer {
  #buffer: Buffer | undefined;

  /**
   * The text in UTF-8.
   *
   * @param isFree whether the socket has done with what was encoded before
   */
  encode(text: string, isFree: boolean): Uint8Array {
    if (!isFree || text.length * BYTES > SIZE) return Buffer.from(text);
    this.#buffer ??= Buffer.allocUnsafeSlow(SIZE);
    return this.#buffer.subarray(0, this.#buffer.write(text));
  }
}
