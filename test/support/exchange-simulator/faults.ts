// The ways in which an Exchange, or what stands before it, goes wrong; switched on and off by tests.
// docs: EWS throttling in Exchange, https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange
//       ResponseCode, https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode

import { exchangeStyle, type ResponseStyle } from './soap.ts';
import { exchangeStreamStyle, type StreamFault, type StreamStyle } from './streaming-faults.ts';

/** The operations that make a fault of their own. */
const makers: ReadonlyMap<string, string> = new Map([
  ['wrong-count', 'GetUserAvailabilityRequest'],
  ['unknown-busy-type', 'GetUserAvailabilityRequest'],
  ['pending-mail-tips', 'GetMailTips'],
]);

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
  /** 500 with ErrorExceededConnectionCount, whose BackOffMilliseconds says 0; `policy`: what was exceeded. */
  | { readonly kind: 'too-many-connections'; readonly policy?: 'MaxConcurrency' | 'MaxStreamingConcurrency' }
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
  | { readonly kind: 'unknown-busy-type'; readonly busyType?: string }
  /** GetMailTips has not found out anything in time. */
  | { readonly kind: 'pending-mail-tips' };

/** What happens to one mailbox: an error with this ResponseCode in its place. */
type MailboxFault = {
  readonly kind: 'mailbox-error';
  readonly mailbox: string;
  readonly code: string;
  readonly message?: string;
};

export type FaultSetting =
  /** For so many requests, or until cleared; with `operation` only for those whose SOAP body has this element. */
  | ((RequestFault | MailboxFault) & { readonly times?: number; readonly operation?: string })
  /** Nothing listens until this is cleared; connections that exist are destroyed. */
  | { readonly kind: 'refuse-connections' }
  /** For so many envelopes, or until cleared. */
  | (StreamFault & { readonly times?: number })
  /** Not faults but the ways of writing, until set anew: what is left out is as Exchange does. */
  | ({ readonly kind: 'response-style' } & Partial<ResponseStyle>)
  | ({ readonly kind: 'stream-style' } & Partial<StreamStyle>);

type FaultKind = FaultSetting['kind'];

/** What the server does when connections are to be refused, and when they are welcome again. */
type Doors = { close(): void; open(): void };

type Fault = RequestFault | MailboxFault | StreamFault;
type Active = { readonly fault: Fault; readonly operation: string | undefined; left: number };

/**
 * The faults that are on. Of several that concern whole requests the one that was set first comes first; a request
 * that Exchange would refuse anyway uses none of them up.
 */
export class Faults {
  readonly #doors: Doors;
  #active: Active[] = [];
  #refusing = false;
  #style: ResponseStyle & StreamStyle = { ...exchangeStyle, ...exchangeStreamStyle };
  #busyAnswers = 0;

  constructor(doors: Doors) {
    this.#doors = doors;
  }

  /** How answers and streams are written. */
  get style(): ResponseStyle & StreamStyle {
    return this.#style;
  }

  /** Switches a fault on, in the place of one of the same kind (and mailbox, and operation). */
  set(setting: FaultSetting): void {
    if (setting.kind === 'refuse-connections') {
      this.#refusing = true;
      this.#doors.close();
      return;
    }
    if (setting.kind === 'response-style' || setting.kind === 'stream-style') {
      const { kind, ...style } = setting;
      this.#style = { ...this.#style, ...usual(kind), ...style };
      return;
    }
    const { times = Number.POSITIVE_INFINITY, operation, ...fault } = { operation: undefined, ...setting };
    this.#active = this.#active.filter((other) => !isSame(other.fault, fault) || other.operation !== operation);
    if (times > 0) this.#active.push({ fault, operation, left: times });
  }

  /** Switches off all faults, or those of a kind. The style of the answers and streams stays, unless it is named. */
  clear(kind?: FaultKind): void {
    this.#active = kind === undefined ? [] : this.#active.filter(({ fault }) => fault.kind !== kind);
    if (kind === 'response-style' || kind === 'stream-style') this.#style = { ...this.#style, ...usual(kind) };
    if (this.#refusing && (kind === undefined || kind === 'refuse-connections')) {
      this.#refusing = false;
      this.#doors.open();
    }
  }

  /** The fault for the next request for an operation, used up by one; undefined: it is answered well. */
  takeRequestFault(operation: string): RequestFault | undefined {
    return this.#take((one) => isRequestFault(one.fault) && fits(one, operation)) as RequestFault | undefined;
  }

  /** The fault for the next envelope of a stream, used up by one. */
  takeStreamFault(): StreamFault | undefined {
    const isMine = ({ fault }: Active): boolean => isStreamFault(fault) && fault.kind !== 'stream-late';
    return this.#take(isMine) as StreamFault | undefined;
  }

  /** How many milliseconds a new stream waits before its first byte. */
  takeStreamDelay(): number {
    const fault = this.#take((one) => one.fault.kind === 'stream-late');
    return fault?.kind === 'stream-late' ? fault.delay : 0;
  }

  /** Where the next busy answer has its BackOffMilliseconds: by turns. */
  nextBackOffPosition(): 'first' | 'last' {
    return this.#busyAnswers++ % 2 === 0 ? 'first' : 'last';
  }

  /** The fault for a mailbox that an operation is about to answer, used up by one. */
  takeMailboxFault(mailbox: string, operation: string): MailboxFault | undefined {
    if (this.#active.length === 0) return undefined;
    return this.#take((one) => concerns(one.fault, mailbox) && fits(one, operation)) as MailboxFault | undefined;
  }

  /** The first that is meant, used up by one. */
  #take(isMeant: (active: Active) => boolean): Fault | undefined {
    const active = this.#active.find(isMeant);
    if (active === undefined) return undefined;
    active.left--;
    if (active.left <= 0) this.#active = this.#active.filter((other) => other !== active);
    return active.fault;
  }
}

function usual(kind: 'response-style' | 'stream-style'): Partial<ResponseStyle & StreamStyle> {
  return kind === 'response-style' ? exchangeStyle : exchangeStreamStyle;
}

function isStreamFault(fault: Fault): fault is StreamFault {
  return fault.kind.startsWith('stream-');
}

function isRequestFault(fault: Fault): boolean {
  return fault.kind !== 'mailbox-error' && !isStreamFault(fault);
}

/** Some faults are of one operation's making. */
function fits({ fault, operation }: Active, asked: string): boolean {
  const only = makers.get(fault.kind) ?? operation;
  return only === undefined || only === asked;
}

function concerns(fault: Fault, mailbox: string): boolean {
  return fault.kind === 'mailbox-error' && fault.mailbox.toLowerCase() === mailbox.toLowerCase();
}

function isSame(one: Fault, other: Fault): boolean {
  return other.kind === 'mailbox-error' ? concerns(one, other.mailbox) : one.kind === other.kind;
}
