import type { Element } from '@xmpp/xml';
import type { Clock } from '../runtime/clock.ts';

/**
 * Why a request got no result:
 * - `offline`: there is no connection, or it ended before the reply
 * - `timeout`: no reply in time
 * - `refused`: the reply is a stanza error (RFC 6120 §8.3); `condition` says which
 * - `overloaded`: too many requests are waiting already
 */
export type ComponentRequestErrorKind = 'offline' | 'timeout' | 'refused' | 'overloaded';

/** A request's failure. The message is for the log; decisions look at `kind` and `condition`. */
export class ComponentRequestError extends Error {
  override readonly name = 'ComponentRequestError';
  readonly kind: ComponentRequestErrorKind;
  /** The defined condition of a stanza error (RFC 6120 §8.3.3). */
  readonly condition: string | undefined;
  /** What the sender may do about it: `wait`, `cancel`, `modify`, `auth`, `continue` (RFC 6120 §8.3.2). */
  readonly type: string | undefined;

  constructor(kind: ComponentRequestErrorKind, message: string, error: { condition?: string; type?: string } = {}) {
    super(message);
    this.kind = kind;
    this.condition = error.condition;
    this.type = error.type;
  }
}

type Pending = { readonly to: string; readonly settle: (reply: Element | Error) => void };

const MOST_PENDING = 1_000;

/** Requests that wait for their reply. xmpp.js matched replies by id alone: anybody could answer for anybody. */
export class PendingRequests {
  readonly #clock: Clock;
  readonly #pending = new Map<string, Pending>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isFull(): boolean {
    return this.#pending.size >= MOST_PENDING;
  }

  /** Waits for the reply from `to` with this id. Rejects as `ComponentConnection.request` says. */
  wait(id: string, to: string, timeout: number, signal: AbortSignal | undefined): Promise<Element> {
    return new Promise((resolve, reject) => {
      const settle = (outcome: Element | Error) => {
        this.#pending.delete(id);
        timer.cancel();
        signal?.removeEventListener('abort', abort);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      const abort = () => settle(signal?.reason as Error);
      const timer = this.#clock.after(timeout, () =>
        settle(new ComponentRequestError('timeout', `No reply from ${to} within ${timeout} ms`)),
      );
      signal?.addEventListener('abort', abort, { once: true });
      this.#pending.set(id, { to, settle });
    });
  }

  /** Takes a reply to one of our requests. False: it is not one, whatever it claims. */
  receive(stanza: Element): boolean {
    const { id, type, from } = stanza.attrs;
    if (stanza.name !== 'iq' || id === undefined || (type !== 'result' && type !== 'error')) return false;
    const pending = this.#pending.get(id);
    if (pending === undefined || !isSameAddress(from, pending.to)) return false;
    pending.settle(type === 'result' ? stanza : refusal(stanza));
    return true;
  }

  /** The connection has ended: nothing will be answered any more. */
  failAll(): void {
    for (const { settle } of [...this.#pending.values()]) {
      settle(new ComponentRequestError('offline', 'The connection ended before the reply'));
    }
  }
}

/** Whether two addresses are one: servers may lower the case of all but the resource (RFC 7622 §3). */
export function isSameAddress(a: string | undefined, b: string): boolean {
  return a !== undefined && (a === b || foldCase(a) === foldCase(b));
}

function foldCase(address: string): string {
  const slash = address.indexOf('/');
  return slash < 0 ? address.toLowerCase() : address.slice(0, slash).toLowerCase() + address.slice(slash);
}

function refusal(stanza: Element): ComponentRequestError {
  const error = stanza.getChild('error');
  const condition =
    error
      ?.getChildElements()
      .find((child) => child.getName() !== 'text')
      ?.getName() ?? 'undefined-condition';
  const type = error?.attrs.type;
  return new ComponentRequestError('refused', `The request was refused: ${condition}`, {
    condition,
    ...(type === undefined ? {} : { type }),
  });
}
