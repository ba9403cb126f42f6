import type { Clock, Instant, Timer } from '../../component/runtime/clock.ts';

type FakeTimer = { due: number; order: number; run: () => void };

/** A clock that stands still until a test moves it. Timers run in the order in which they are due, ties in the order made. */
export class FakeClock implements Clock {
  #wall: Instant;
  #elapsed = 0;
  #order = 0;
  readonly #timers = new Set<FakeTimer>();

  constructor(start: Instant) {
    this.#wall = start;
  }

  now(): Instant {
    return this.#wall;
  }

  after(delay: number, run: () => void): Timer {
    if (Number.isNaN(delay)) throw new RangeError('a timer needs a delay in milliseconds');
    const timer: FakeTimer = { due: this.#elapsed + Math.max(0, delay), order: this.#order++, run };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** How many timers are waiting. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer; undefined when none waits. */
  get nextIn(): number | undefined {
    const next = this.#next(Number.POSITIVE_INFINITY);
    return next && next.due - this.#elapsed;
  }

  /**
   * Lets `duration` milliseconds pass: runs what becomes due, each timer at its own instant, also those that timers make.
   * What timers continue asynchronously has not run yet: for that use `pass`.
   */
  advance(duration: number): void {
    const end = this.#endAfter(duration);
    for (let timer = this.#next(end); timer; timer = this.#next(end)) this.#run(timer);
    this.#moveTo(end);
  }

  /** As `advance`, but before each timer and at the end everything asynchronous that needs no I/O runs to its end. */
  async pass(duration: number): Promise<void> {
    const end = this.#endAfter(duration);
    await settle();
    for (let timer = this.#next(end); timer; timer = this.#next(end)) {
      this.#run(timer);
      await settle();
    }
    this.#moveTo(end);
  }

  /** Sets the wall clock by `offset` milliseconds, back or forth, as an administrator or NTP does: no time passes for timers. */
  jump(offset: number): void {
    this.#wall += offset;
  }

  /** The machine sleeps for `duration` milliseconds: the wall clock goes on, timers stand still and are late afterwards. */
  suspend(duration: number): void {
    if (!(duration >= 0)) throw new RangeError('a machine sleeps for 0 ms or longer');
    this.#wall += duration;
  }

  #endAfter(duration: number): number {
    if (!(duration >= 0)) throw new RangeError('time passes forwards: for the wall clock alone there is jump()');
    return this.#elapsed + duration;
  }

  #next(end: number): FakeTimer | undefined {
    let next: FakeTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.due > end) continue;
      if (!next || timer.due < next.due || (timer.due === next.due && timer.order < next.order)) next = timer;
    }
    return next;
  }

  #run(timer: FakeTimer): void {
    this.#timers.delete(timer);
    this.#moveTo(timer.due);
    timer.run();
  }

  #moveTo(elapsed: number): void {
    // A timer's callback may have moved the clock itself.
    const step = Math.max(0, elapsed - this.#elapsed);
    this.#elapsed += step;
    this.#wall += step;
  }
}

/** Several rounds of the event loop's immediate queue: chains of promises between them run to their end. */
async function settle(): Promise<void> {
  for (let round = 0; round < 3; round++) await new Promise<void>((resolve) => setImmediate(resolve));
}
