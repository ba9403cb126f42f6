import type { Clock } from '../../../component/runtime/clock.ts';

export type Deadline = {
  readonly clock: Clock;
  /** In milliseconds; Infinity for none. */
  readonly limit: number;
  readonly signal: AbortSignal;
};

/**
 * Waits for `run` until the limit, or until the caller's signal fires.
 *
 * Its promise is given up then, whether or not it ever settles; the signal that it gets fires too, at the latest when
 * the wait is over, so that nothing goes on behind the caller's back.
 *
 * @throws what `run` throws; `tooLate()` at the limit; the signal's reason when aborted
 */
export async function withDeadline<Result>(
  { clock, limit, signal }: Deadline,
  tooLate: () => Error,
  run: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = limit === Number.POSITIVE_INFINITY ? undefined : clock.after(limit, () => controller.abort(tooLate()));
  // Listens before `run` does, so that the reason outruns whatever `run` makes of it.
  const stopped = new Promise<never>((_resolve, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason as Error), { once: true });
  });
  try {
    return await Promise.race([run(controller.signal), stopped]);
  } finally {
    timer?.cancel();
    signal.removeEventListener('abort', onAbort);
    controller.abort();
  }
}
