import { systemClock } from '../../adapters/runtime/system-clock.ts';
import type { Clock, Instant } from '../../component/runtime/clock.ts';

/** A clock that agreed with the machine's at `origin` and has run `speed` times as fast since. */
export function scaledClock(speed: number, origin: Instant): Clock {
  return {
    now: () => Math.floor(origin + (Date.now() - origin) * speed),
    after: (delay, run) => systemClock.after(delay / speed, run),
  };
}
