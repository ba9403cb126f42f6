import type { Instant } from './clock.ts';

/**
 * Keys in the order of the instants at which they are due: an indexed binary heap.
 *
 * A key stands in the queue at most once; setting it again moves it. All operations cost O(log n).
 */
export class DueQueue<Key> {
  readonly #keys: Key[] = [];
  readonly #instants: Instant[] = [];
  readonly #positions = new Map<Key, number>();

  get size(): number {
    return this.#keys.length;
  }

  /** The instant of the earliest key; undefined when the queue is empty. */
  get nextDue(): Instant | undefined {
    return this.#instants[0];
  }

  /** All keys, in no particular order; none may be set or deleted meanwhile. */
  keys(): Iterable<Key> {
    return this.#positions.keys();
  }

  set(key: Key, due: Instant): void {
    this.#put(key, due, this.#positions.get(key) ?? this.#keys.length);
  }

  dueOf(key: Key): Instant | undefined {
    const position = this.#positions.get(key);
    return position === undefined ? undefined : this.#instants[position];
  }

  delete(key: Key): boolean {
    const position = this.#positions.get(key);
    if (position === undefined) return false;
    const last = this.#keys.pop() as Key;
    const due = this.#instants.pop() as Instant;
    this.#positions.delete(key);
    if (position < this.#keys.length) this.#put(last, due, position);
    return true;
  }

  clear(): void {
    this.#keys.length = 0;
    this.#instants.length = 0;
    this.#positions.clear();
  }

  /** Takes out the earliest key that is due at `now` or before. */
  takeDue(now: Instant): Key | undefined {
    const due = this.#instants[0];
    if (due === undefined || due > now) return undefined;
    const key = this.#keys[0] as Key;
    this.delete(key);
    return key;
  }

  /** Puts a key where it belongs: into the free place, or another one, and those in between move up or down by one. */
  #put(key: Key, due: Instant, free: number): void {
    const instants = this.#instants;
    let position = free;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if ((instants[parent] as Instant) <= due) break;
      this.#place(this.#keys[parent] as Key, instants[parent] as Instant, position);
      position = parent;
    }
    for (;;) {
      let child = 2 * position + 1;
      if (child + 1 < instants.length && (instants[child + 1] as Instant) < (instants[child] as Instant)) child++;
      if (child >= instants.length || (instants[child] as Instant) >= due) break;
      this.#place(this.#keys[child] as Key, instants[child] as Instant, position);
      position = child;
    }
    this.#place(key, due, position);
  }

  #place(key: Key, due: Instant, position: number): void {
    this.#keys[position] = key;
    this.#instants[position] = due;
    this.#positions.set(key, position);
  }
}
