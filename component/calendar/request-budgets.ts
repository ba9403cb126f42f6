import { RequestBudget, type RequestBudgetOptions } from './request-budget.ts';

/** One budget for each server and account, whoever asks there: the server counts them together, and so must we. */
export class RequestBudgets {
  readonly #budgets = new Map<string, RequestBudget>();

  /**
   * The budget of a server and account. Who shares it gets the least concurrency that any of them wants.
   *
   * @param key equal for the same server and account
   */
  of(key: string, options: RequestBudgetOptions): RequestBudget {
    const known = this.#budgets.get(key);
    known?.limitTo(options.concurrency);
    if (known !== undefined) return known;
    const budget = new RequestBudget(options);
    this.#budgets.set(key, budget);
    return budget;
  }
}
