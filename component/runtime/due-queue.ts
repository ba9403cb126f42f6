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

  set(key: Key, due: Instant): void {
    const position = this.#positions.get(key);
    if (position === undefined) {
      this.#keys.push(key);
      this.#instants.push(due);
      this.#positions.set(key, this.#keys.length - 1);
      this.#rise(this.#keys.length - 1);
      return;
    }
    const before = this.#instants[position] as Instant;
    this.#instants[position] = due;
    if (due < before) this.#rise(position);
    else this.#sink(position);
  }

  dueOf(key: Key): Instant | undefined {
    const position = this.#positions.get(key);
    return position === undefined ? undefined : this.#instants[position];
  }

  delete(key: Key): boolean {
    const position = this.#positions.get(key);
    if (position === undefined) return false;
    const last = this.#keys.length - 1;
    if (position !== last) this.#swap(position, last);
    this.#keys.pop();
    this.#instants.pop();
    this.#positions.delete(key);
    if (position !== last) {
      this.#rise(position);
      this.#sink(position);
    }
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

  #rise(from: number): void {
    let position = from;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if ((this.#instants[parent] as Instant) <= (this.#instants[position] as Instant)) return;
      this.#swap(position, parent);
      position = parent;
    }
  }

  #sink(from: number): void {
    let position = from;
    const { length } = this.#instants;
    for (;;) {
      const left = 2 * position + 1;
      if (left >= length) return;
      const right = left + 1;
      const rightIsEarlier = right < length && (this.#instants[right] as Instant) < (this.#instants[left] as Instant);
      const child = rightIsEarlier ? right : left;
      if ((this.#instants[position] as Instant) <= (this.#instants[child] as Instant)) return;
      this.#swap(position, child);
      position = child;
    }
  }

  #swap(a: number, b: number): void {
    const [keyA, keyB] = [this.#keys[a] as Key, this.#keys[b] as Key];
    const instantA = this.#instants[a] as Instant;
    this.#keys[a] = keyB;
    this.#keys[b] = keyA;
    this.#instants[a] = this.#instants[b] as Instant;
    this.#instants[b] = instantA;
    this.#positions.set(keyB, a);
    this.#positions.set(keyA, b);
  }
}
