// The ways in which an Exchange, or what stands before it, goes wrong; switched on and off by tests.
// docs: EWS throttling in Exchange, https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange
//       ResponseCode, https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode

import { exchangeStyle, type ResponseStyle } from './soap.ts';

/** What happens to a whole request. */
export type RequestFault =
  /** 401, although the password is right. */
  | { readonly kind: 'unauthorized' }
  /** 403 with X-EWS-Policy-Reason: the tenant has EWS switched off. */
  | { readonly kind: 'blocked'; readonly reason?: string }
  /** 503, with a Retry-After of so many seconds, or at an HTTP date. */
  | { readonly kind: 'unavailable'; readonly retryAfter?: number | string }
  /**
   * 500 with ErrorServerBusy and its BackOffMilliseconds (default 30,000), which is the first Value in every
   * other answer only; `position` fixes its place.
   */
  | { readonly kind: 'busy-fault'; readonly backOff?: number; readonly position?: 'first' | 'last' }
  /** 200 with ErrorServerBusy for every mailbox, with BackOffMilliseconds when given. */
  | { readonly kind: 'busy-in-200'; readonly backOff?: number }
  /** 500 with ErrorExceededConnectionCount, whose BackOffMilliseconds says 0. */
  | { readonly kind: 'too-many-connections' }
  /** 200 with a log-in page. */
  | { readonly kind: 'html' }
  /** 500 with an error page. */
  | { readonly kind: 'html-error' }
  | { readonly kind: 'empty-500' }
  /** 302 to a log-in page. */
  | { readonly kind: 'redirect' }
  /** Content-Length promises all, half is sent, then the connection is destroyed. */
  | { readonly kind: 'cut-body' }
  /** Never answers; the connection stays open, and the request counts as one of the account's. */
  | { readonly kind: 'hang' }
  /** The body comes in `pieces` (default 20), with so many milliseconds between them (default 50). */
  | { readonly kind: 'slow-body'; readonly pieces?: number; readonly pause?: number }
  /** One response too few. */
  | { readonly kind: 'wrong-count' }
  /** A fault (default ErrorInternalServerError) with HTTP 200. */
  | { readonly kind: 'fault-in-200'; readonly code?: string; readonly message?: string }
  /** Every entry has a BusyType of the future. */
  | { readonly kind: 'unknown-busy-type'; readonly busyType?: string };

/** What happens to one mailbox: an error with this ResponseCode in its place. */
type MailboxFault = {
  readonly kind: 'mailbox-error';
  readonly mailbox: string;
  readonly code: string;
  readonly message?: string;
};

export type FaultSetting =
  /** For so many requests, or until cleared. */
  | ((RequestFault | MailboxFault) & { readonly times?: number })
  /** Nothing listens until this is cleared; connections that exist are destroyed. */
  | { readonly kind: 'refuse-connections' }
  /** Not a fault but the way of writing, until set anew: what is left out is as Exchange does. */
  | ({ readonly kind: 'response-style' } & Partial<ResponseStyle>);

type FaultKind = FaultSetting['kind'];

/** What the server does when connections are to be refused, and when they are welcome again. */
type Doors = { close(): void; open(): void };

type Active = { readonly fault: RequestFault | MailboxFault; left: number };

/**
 * The faults that are on. Of several that concern whole requests the one that was set first comes first; a request
 * that Exchange would refuse anyway uses none of them up.
 */
export class Faults {
  readonly #doors: Doors;
  #active: Active[] = [];
  #refusing = false;
  #style: ResponseStyle = exchangeStyle;
  #busyAnswers = 0;

  constructor(doors: Doors) {
    this.#doors = doors;
  }

  /** How answers are written. */
  get style(): ResponseStyle {
    return this.#style;
  }

  /** Switches a fault on, in the place of one of the same kind (and mailbox). */
  set(setting: FaultSetting): void {
    if (setting.kind === 'refuse-connections') {
      this.#refusing = true;
      this.#doors.close();
      return;
    }
    if (setting.kind === 'response-style') {
      const { kind: _, ...style } = setting;
      this.#style = { ...exchangeStyle, ...style };
      return;
    }
    const { times = Number.POSITIVE_INFINITY, ...fault } = setting;
    this.#active = this.#active.filter((other) => !isSame(other.fault, fault));
    if (times > 0) this.#active.push({ fault, left: times });
  }

  /** Switches off all faults, or those of a kind. The style of the answers stays, unless it is named. */
  clear(kind?: FaultKind): void {
    this.#active = kind === undefined ? [] : this.#active.filter(({ fault }) => fault.kind !== kind);
    if (kind === 'response-style') this.#style = exchangeStyle;
    if (this.#refusing && (kind === undefined || kind === 'refuse-connections')) {
      this.#refusing = false;
      this.#doors.open();
    }
  }

  /** The fault for the next request, used up by one; undefined: it is answered well. */
  takeRequestFault(): RequestFault | undefined {
    const active = this.#active.find(({ fault }) => fault.kind !== 'mailbox-error');
    if (active === undefined) return undefined;
    this.#use(active);
    return active.fault as RequestFault;
  }

  /** Where the next busy answer has its BackOffMilliseconds: by turns. */
  nextBackOffPosition(): 'first' | 'last' {
    return this.#busyAnswers++ % 2 === 0 ? 'first' : 'last';
  }

  /** The fault for a mailbox that is about to be answered, used up by one. */
  takeMailboxFault(mailbox: string): MailboxFault | undefined {
    if (this.#active.length === 0) return undefined;
    const active = this.#active.find(({ fault }) => concerns(fault, mailbox));
    if (active === undefined) return undefined;
    this.#use(active);
    return active.fault as MailboxFault;
  }

  #use(active: Active): void {
    active.left--;
    if (active.left <= 0) this.#active = this.#active.filter((other) => other !== active);
  }
}

function concerns(fault: RequestFault | MailboxFault, mailbox: string): boolean {
  return fault.kind === 'mailbox-error' && fault.mailbox.toLowerCase() === mailbox.toLowerCase();
}

function isSame(one: RequestFault | MailboxFault, other: RequestFault | MailboxFault): boolean {
  return other.kind === 'mailbox-error' ? concerns(one, other.mailbox) : one.kind === other.kind;
}
