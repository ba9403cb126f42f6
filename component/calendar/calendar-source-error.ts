/**
 * Why a calendar source gave no answer:
 * - `unauthorized`: it refuses our account (HTTP 401); three of these and we stop, lest the account be locked
 * - `proxy-unauthorized`: a proxy on the way refuses our account there; three of these and that source is left alone
 * - `access-denied`: it knows us, and we may not see this mailbox
 * - `mailbox-not-found`: it knows no such mailbox
 * - `wrong-server`: another server has the mailbox (it was moved)
 * - `throttled`: it is busy, or wants us to slow down
 * - `unreachable`: no connection, no TLS, no answer in time
 * - `blocked`: it will not serve us until an administrator changes something there; never retried by itself
 * - `malformed`: it answered, and we can't make sense of it
 */
export type CalendarSourceErrorKind =
  | 'unauthorized'
  | 'proxy-unauthorized'
  | 'access-denied'
  | 'mailbox-not-found'
  | 'wrong-server'
  | 'throttled'
  | 'unreachable'
  | 'blocked'
  | 'malformed';

export type CalendarSourceErrorOptions = {
  /** How long the source wants to be left alone, in milliseconds. */
  readonly retryAfter?: number;
  readonly cause?: unknown;
  /** The source's own word for it, for people (an EWS ResponseCode, say). */
  readonly code?: string;
};

/** A calendar source's refusal or failure. The message is for the log; decisions look at `kind` alone. */
export class CalendarSourceError extends Error {
  override readonly name = 'CalendarSourceError';
  readonly kind: CalendarSourceErrorKind;
  readonly retryAfter: number | undefined;
  readonly code: string | undefined;

  constructor(kind: CalendarSourceErrorKind, message: string, options: CalendarSourceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.retryAfter = options.retryAfter;
    this.code = options.code;
  }

  /** Whether its code is a ResponseCode: the source looked at the request. Codes of networks and front doors begin otherwise. */
  get hasResponseCode(): boolean {
    return this.code?.startsWith('Error') === true;
  }
}
