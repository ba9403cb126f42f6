import type { Clock } from '../../component/runtime/clock.ts';

/** setTimeout's limit: a longer delay would fire at once. */
const LONGEST_DELAY = 2 ** 31 - 1;

/** The machine's clock. Its timers keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delay, run) {
    const timer = setTimeout(run, Math.min(LONGEST_DELAY, Math.max(0, Math.ceil(delay))));
    return { cancel: () => clearTimeout(timer) };
  },
};
