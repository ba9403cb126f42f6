/** Those who wait for one thing to happen, each as long as its signal lets it. */
export class Waiters {
  readonly #waiters = new Set<() => void>();

  /** Resolves at the next `release`; rejects with the signal's reason. */
  wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiters.delete(proceed);
        signal.removeEventListener('abort', abort);
      };
      const proceed = () => {
        leave();
        resolve();
      };
      const abort = () => {
        leave();
        reject(signal.reason as Error);
      };
      this.#waiters.add(proceed);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  release(): void {
    for (const proceed of [...this.#waiters]) proceed();
  }
}
