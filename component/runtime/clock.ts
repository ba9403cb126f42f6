/** A point in time: epoch milliseconds, UTC. */
export type Instant = number;

/** A running timer; cancelling one that has fired or was cancelled does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * Time, as a port: everything in `component/` that asks what time it is, or waits, asks here.
 *
 * `now` is the wall clock and may jump; `after` counts elapsed time and may not advance while the machine sleeps.
 */
export interface Clock {
  now(): Instant;
  /** Calls `run` once, `delay` milliseconds from now (0 or less: as soon as possible). */
  after(delay: number, run: () => void): Timer;
}

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
