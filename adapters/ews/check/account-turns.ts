import type { AccountAttempt, AccountGuard, AccountMember } from '../../../component/calendar/account-guard.ts';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { Clock } from '../../../component/runtime/clock.ts';

/** The code of the error for a request that was not made, because the account was refused often enough. */
export const ACCOUNT_SPARED = 'ACCOUNT_SPARED';

/**
 * One server's turns with an account that other servers share: until one of them has accepted it, and after each
 * refusal, one request at a time is made with it, and after three refusals none. However many servers there are, a
 * wrong password is sent three times.
 */
export class AccountTurns {
  readonly #guard: AccountGuard;
  readonly #member: AccountMember;
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(guard: AccountGuard, clock: Clock) {
    this.#guard = guard;
    this.#clock = clock;
    this.#member = guard.join(() => {
      for (const look of this.#waiting) look();
    });
  }

  /**
   * Waits for a turn and makes a request with the account.
   *
   * @throws CalendarSourceError `unauthorized` with the code ACCOUNT_SPARED when it is not made; what `request` throws;
   *   the signal's reason when aborted while waiting
   */
  async run<Result>(signal: AbortSignal, request: () => Promise<Result>): Promise<Result> {
    const attempt = await this.#begin(signal);
    const now = () => this.#clock.now();
    try {
      const result = await request();
      this.#guard.accepted(attempt, now());
      return result;
    } catch (error) {
      if (error instanceof CalendarSourceError) {
        if (error.kind === 'unauthorized') this.#guard.refused(attempt, error, now());
        else if (isFromWithin(error)) this.#guard.accepted(attempt, now());
      }
      throw error;
    } finally {
      this.#guard.end(attempt);
    }
  }

  /** Looks and begins in one go: nobody comes between. */
  #begin(signal: AbortSignal): Promise<AccountAttempt> {
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#waiting.delete(look);
        signal.removeEventListener('abort', giveUp);
      };
      const giveUp = () => {
        end();
        reject(signal.reason as Error);
      };
      const look = () => {
        const isSpared = this.#guard.closedBy(this.#member) !== undefined;
        if (!isSpared && !this.#guard.mayInquire(this.#member, this.#clock.now())) return;
        end();
        if (isSpared) reject(spared());
        else resolve(this.#guard.begin(this.#member));
      };
      if (signal.aborted) {
        giveUp();
        return;
      }
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.add(look);
      look();
    });
  }
}

/** Whether EWS itself has said this, and not what stands before it: whoever hears that was let in. */
export function isFromWithin({ kind, hasResponseCode }: CalendarSourceError): boolean {
  return kind !== 'unauthorized' && hasResponseCode;
}

function spared(): CalendarSourceError {
  return new CalendarSourceError(
    'unauthorized',
    'not tried: the account was refused three times by servers that are asked with it, and is not to be locked',
    { code: ACCOUNT_SPARED },
  );
}
