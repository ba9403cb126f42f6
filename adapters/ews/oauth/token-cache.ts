import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { type Clock, type Instant, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import type { Token } from './acquire-token.ts';

/** A token is renewed so long before its end, or at half its time if that is later. */
const AHEAD = 5 * MINUTE;

/** When a renewal fails while the old token is good, the next is tried after this. */
const PAUSE = 30 * SECOND;

/**
 * Holds one token, and sees that it is good.
 *
 * However many ask, one acquisition is under way at most. It goes on when one of them gives up, and ends when the last
 * user has left. An authority that wants to be left alone for a while is: also by those who need a token meanwhile.
 */
export class TokenCache {
  readonly #acquire: (signal: AbortSignal) => Promise<Token>;
  readonly #clock: Clock;
  #token: Token | undefined;
  #acquiring: Promise<Token> | undefined;
  #renewAt: Instant = 0;
  #rest: Rest | undefined;
  #users = 0;
  #ending = new AbortController();

  constructor(acquire: (signal: AbortSignal) => Promise<Token>, clock: Clock) {
    this.#acquire = acquire;
    this.#clock = clock;
  }

  /** Enters a user; its end is told by what is returned, with the reason. */
  enter(): (reason: Error) => void {
    this.#users++;
    let isIn = true;
    return (reason) => {
      if (!isIn) return;
      isIn = false;
      this.#users--;
      if (this.#users > 0) return;
      this.#ending.abort(reason);
      this.#ending = new AbortController();
    };
  }

  /**
   * A token that is good now; one that ends soon is renewed in the background.
   *
   * @throws what the acquisition throws, or has thrown last while the authority wants to be left alone; the signal's
   *   reason when aborted
   */
  async get(signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const now = this.#clock.now();
    const token = this.#token;
    // A clock that was set back makes the token older than it says.
    if (token === undefined || now >= token.expiresAt || now < token.acquiredAt) {
      const refusal = stillSaid(this.#rest, now);
      if (refusal !== undefined) throw refusal;
      return (await abandonable(this.#renew(), signal)).value;
    }
    if (now >= this.#renewAt && stillSaid(this.#rest, now) === undefined) {
      this.#renewAt = now + PAUSE;
      // Whoever asks when the old one has ended will hear why.
      this.#renew().catch(() => {});
    }
    return token.value;
  }

  /** Forgets a token that was refused; a newer one stays. */
  drop(value: string): void {
    if (this.#token?.value === value) this.#token = undefined;
  }

  #renew(): Promise<Token> {
    this.#acquiring ??= this.#acquire(this.#ending.signal)
      .then((token) => {
        this.#token = token;
        this.#rest = undefined;
        this.#renewAt = Math.max(token.expiresAt - AHEAD, (token.acquiredAt + token.expiresAt) / 2);
        return token;
      })
      .catch((error: unknown) => {
        this.#rest = restAfter(error, this.#clock.now());
        throw error;
      })
      .finally(() => {
        this.#acquiring = undefined;
      });
    return this.#acquiring;
  }
}

/** That an authority wants to be left alone: what it has said, and when. */
type Rest = { readonly error: CalendarSourceError; readonly from: Instant; readonly until: Instant };

function restAfter(error: unknown, now: Instant): Rest | undefined {
  if (!(error instanceof CalendarSourceError) || error.retryAfter === undefined) return undefined;
  return { error, from: now, until: now + error.retryAfter };
}

/** The same with what is left of the time. A clock that was set back ends it: it would last for as long as the step. */
function stillSaid(rest: Rest | undefined, now: Instant): CalendarSourceError | undefined {
  if (rest === undefined || now < rest.from || now >= rest.until) return undefined;
  const { kind, message, code } = rest.error;
  const retryAfter = rest.until - now;
  return new CalendarSourceError(kind, message, { retryAfter, ...(code !== undefined && { code }) });
}

/** Waits for a shared promise no longer than the signal allows. */
async function abandonable<Result>(shared: Promise<Result>, signal: AbortSignal): Promise<Result> {
  let giveUp = () => {};
  const stopped = new Promise<never>((_resolve, reject) => {
    giveUp = () => reject(signal.reason as Error);
    signal.addEventListener('abort', giveUp, { once: true });
  });
  try {
    return await Promise.race([shared, stopped]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
