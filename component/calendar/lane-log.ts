import type { Instant } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { CalendarSourceError } from './calendar-source-error.ts';
import type { RequestBudget } from './request-budget.ts';

/** What the log says of one server's trouble: one line when it begins, one when it is final; the rest is for debugging. */
export class LaneLog {
  readonly #logger: Logger;
  readonly #budget: RequestBudget;
  #inTrouble = false;
  #closedBy: CalendarSourceError | undefined;

  constructor(logger: Logger, budget: RequestBudget) {
    this.#logger = logger;
    this.#budget = budget;
  }

  answered(): void {
    if (this.#inTrouble) this.#logger.info('The Exchange server answers again');
    this.#inTrouble = false;
  }

  failed(error: unknown, now: Instant): void {
    const { closedBy, notBefore, refusalMayBeThrottling } = this.#budget;
    if (closedBy === undefined) {
      const fields = { ...describe(error), retryInMs: Math.max(0, Math.round(notBefore - now)) };
      if (this.#inTrouble) this.#logger.debug('The Exchange server still gives no answer', fields);
      else if (refusalMayBeThrottling) {
        this.#logger.warn(
          'The Exchange server refuses a password that it accepted a moment ago: this is taken for throttling, and ' +
            'the password is tried again, three times in all',
          fields,
        );
      } else this.#logger.warn('The Exchange server gives no answer', fields);
    } else if (closedBy === error) {
      this.#closedBy = closedBy;
      const what =
        closedBy.kind === 'unauthorized' || closedBy.kind === 'proxy-unauthorized'
          ? 'The password was refused three times and the Exchange server is not asked any more, lest the account be ' +
            'locked: mend what the reason names, then restart the gateway'
          : 'The Exchange server is blocked and not asked any more: see the reason, then restart the gateway';
      this.#logger.error(what, describe(error));
    }
    this.#inTrouble = true;
  }

  /** Says so, once, if the server is not asked any more for what another server or another operation was told. */
  noteClosed(): void {
    const { closedBy, refusedAt } = this.#budget;
    if (closedBy === this.#closedBy) return;
    this.#closedBy = closedBy;
    if (closedBy === undefined) return;
    this.#logger.error(
      'The Exchange server is not asked any more, for its account or that of its proxy was refused elsewhere, or it is ' +
        'blocked: see the reason, then restart the gateway',
      { ...describe(closedBy), ...(refusedAt !== undefined && { refusedAt }) },
    );
  }

  feedFailed(error: unknown): void {
    this.#logger.warn('The Exchange server’s change notifications did not end cleanly', describe(error));
  }
}

function describe(error: unknown): Readonly<Record<string, unknown>> {
  return error instanceof CalendarSourceError
    ? { kind: error.kind, code: error.code, reason: error.message }
    : { error };
}
