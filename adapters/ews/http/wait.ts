import type { Clock } from '../../../component/runtime/clock.ts';

/**
 * Waits so many milliseconds.
 *
 * @throws the signal's reason when aborted
 */
export function wait(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const giveUp = () => {
      timer.cancel();
      reject(signal.reason as Error);
    };
    const timer = clock.after(milliseconds, () => {
      signal.removeEventListener('abort', giveUp);
      resolve();
    });
    signal.addEventListener('abort', giveUp, { once: true });
  });
}
