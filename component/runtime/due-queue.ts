import type { Instant } from './clock.ts';

/** Four make the heap half as deep as two would: writing down the positions is what takes the time (measured). */
const CHILDREN = 4;

/**
 * Keys in the order of the instants at which they are due: an indexed heap.
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
      const parent = Math.floor((position - 1) / CHILDREN);
      if ((instants[parent] as Instant) <= due) break;
      this.#move(parent, position);
      position = parent;
    }
    for (;;) {
      const child = this.#earliestChild(position);
      if (child === undefined || (instants[child] as Instant) >= due) break;
      this.#move(child, position);
      position = child;
    }
    this.#place(key, due, position);
  }

  #earliestChild(position: number): number | undefined {
    const instants = this.#instants;
    const first = CHILDREN * position + 1;
    if (first >= instants.length) return undefined;
    const end = Math.min(first + CHILDREN, instants.length);
    let earliest = first;
    for (let child = first + 1; child < end; child++) {
      if ((instants[child] as Instant) < (instants[earliest] as Instant)) earliest = child;
    }
    return earliest;
  }

  #move(from: number, to: number): void {
    this.#place(this.#keys[from] as Key, this.#instants[from] as Instant, to);
  }

  #place(key: Key, due: Instant, position: number): void {
    this.#keys[position] = key;
    this.#instants[position] = due;
    this.#positions.set(key, position);
  }
}
