import xml, { type Element } from '@xmpp/xml';
import type { Logger } from '../runtime/logger.ts';
import { type Address, parseAddress } from './address.ts';
import { conditionOf, errorReply, StanzaError, type StanzaErrorCondition } from './stanza-error.ts';

/** A stanza with its two addresses. */
export type Inbound = { readonly stanza: Element; readonly from: Address; readonly to: Address };

/** One iq payload that we answer: `get` returns the result's child; undefined: an empty result. @throws StanzaError */
export type IqHandler = {
  readonly namespace: string;
  readonly element: string;
  /** Whether contacts answer it too, or the component's domain alone. */
  readonly contacts: boolean;
  readonly get: (request: Element, inbound: Inbound) => Element | undefined;
};

export type StanzaRouterOptions = {
  readonly domain: string;
  readonly logger: Logger;
  readonly iqHandlers: readonly IqHandler[];
  /** Every presence stanza except errors; resolves when it is answered. @throws StanzaError */
  readonly onPresence: (inbound: Inbound) => Promise<void> | undefined;
  /** Presence of ours that came back with an error: its condition (RFC 6120 §8.3.3). */
  readonly onPresenceError: (from: Address, condition: string) => void;
  /** Every message except errors. @throws StanzaError */
  readonly onMessage: (inbound: Inbound) => void;
  readonly send: (stanza: Element) => void;
};

/**
 * Hands each stanza to what answers it: the one boundary between the wire and the rest. What nobody answers gets the
 * error that RFC 6120 §8.4 and RFC 6121 §8.5 ask for, an exception becomes a stanza error without its text, and
 * errors and stray results are met with silence.
 */
export class StanzaRouter {
  readonly #options: StanzaRouterOptions;
  readonly #iqHandlers = new Map<string, IqHandler>();

  constructor(options: StanzaRouterOptions) {
    this.#options = options;
    for (const handler of options.iqHandlers) this.#iqHandlers.set(`${handler.namespace} ${handler.element}`, handler);
  }

  /** Resolves when what cannot be answered at once is answered. */
  route(stanza: Element): Promise<void> | undefined {
    const from = parseAddress(stanza.attrs.from);
    const to = parseAddress(stanza.attrs.to);
    const { logger, domain } = this.#options;
    if (from === undefined) return undefined;
    if (stanza.attrs.type === 'error') {
      if (stanza.getName() === 'presence') this.#options.onPresenceError(from, conditionOf(stanza));
      return undefined;
    }
    try {
      if (to === undefined) throw new StanzaError('jid-malformed');
      if (to.domain !== domain) throw new StanzaError('item-not-found');
      return this.#dispatch({ stanza, from, to });
    } catch (error) {
      if (!(error instanceof StanzaError)) logger.error('A stanza could not be handled', { from: from.full, error });
      this.#refuse(stanza, error instanceof StanzaError ? error.condition : 'internal-server-error');
      return undefined;
    }
  }

  #dispatch(inbound: Inbound): Promise<void> | undefined {
    const { stanza } = inbound;
    if (stanza.getName() === 'presence') return this.#options.onPresence(inbound);
    if (stanza.getName() === 'iq') this.#dispatchIq(inbound);
    else this.#options.onMessage(inbound);
    return undefined;
  }

  /** RFC 6120 §8.2.3: a get or set has an id and exactly one child; it is answered, results are not. */
  #dispatchIq(inbound: Inbound): void {
    const { stanza, to } = inbound;
    const { type, id } = stanza.attrs;
    if (type === 'result') return;
    const [request, ...others] = stanza.getChildElements();
    if ((type !== 'get' && type !== 'set') || !id || request === undefined || others.length > 0) {
      throw new StanzaError('bad-request');
    }
    const handler = this.#iqHandlers.get(`${request.getNS() ?? ''} ${request.getName()}`);
    if (handler === undefined || type === 'set' || (to.local !== '' && !handler.contacts)) {
      throw new StanzaError('service-unavailable');
    }
    const result = handler.get(request, inbound);
    this.#options.send(xml('iq', { type: 'result', id, from: stanza.attrs.to, to: stanza.attrs.from }, result));
  }

  #refuse(stanza: Element, condition: StanzaErrorCondition): void {
    if (stanza.getName() === 'iq' && stanza.attrs.type === 'result') return;
    const reply = errorReply(stanza, condition);
    // Servers close the whole stream at a `from` that is not below our domain.
    if (parseAddress(stanza.attrs.to)?.domain !== this.#options.domain) reply.attrs.from = this.#options.domain;
    this.#options.send(reply);
  }
}
