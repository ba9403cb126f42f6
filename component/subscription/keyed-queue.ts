/** Runs tasks: those of one key one after the other, in order; those of different keys beside each other. */
export class KeyedQueue {
  readonly #limit: number;
  readonly #tails = new Map<string, Promise<void>>();
  #underWay = 0;
  #idle: (() => void)[] = [];

  /** @param limit the most tasks that may wait or run at once */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * @param task must not reject
   * @returns resolves when the task has ended; undefined when the limit is reached: then it will not run
   */
  add(key: string, task: () => Promise<void>): Promise<void> | undefined {
    if (this.#underWay >= this.#limit) return undefined;
    this.#underWay++;
    const before = this.#tails.get(key);
    const run = (before === undefined ? task() : before.then(task)).finally(() => {
      this.#underWay--;
      if (this.#tails.get(key) === run) this.#tails.delete(key);
      if (this.#underWay === 0) for (const resolve of this.#idle.splice(0)) resolve();
    });
    this.#tails.set(key, run);
    return run;
  }

  /** Resolves when nothing waits or runs. */
  idle(): Promise<void> {
    return this.#underWay === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }
}
