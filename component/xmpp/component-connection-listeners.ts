import type { Element } from '@xmpp/xml';
import type { Logger } from '../runtime/logger.ts';

export interface ComponentConnectionEvents {
  online(): void;
  offline(): void;
  /**
   * Every stanza but the replies to our own pings and requests. A listener that goes on working returns its promise:
   * the stanza counts as being handled until it settles, and the number of those is bounded.
   */
  stanza(stanza: Element): void | Promise<void>;
}

type EventName = keyof ComponentConnectionEvents;
type Listeners = { readonly [Name in EventName]: Set<ComponentConnectionEvents[Name]> };

/**
 * Who listens to the connection. A listener's exception is its own: it reaches neither the socket nor xmpp.js's
 * parser, which would take it for bad XML, nor does it keep the event from other listeners.
 */
export class ConnectionListeners {
  readonly #logger: Logger;
  readonly #listeners: Listeners = { online: new Set(), offline: new Set(), stanza: new Set() };

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add<Name extends EventName>(event: Name, listener: ComponentConnectionEvents[Name]): void {
    (this.#listeners[event] as Set<ComponentConnectionEvents[Name]>).add(listener);
  }

  delete<Name extends EventName>(event: Name, listener: ComponentConnectionEvents[Name]): void {
    (this.#listeners[event] as Set<ComponentConnectionEvents[Name]>).delete(listener);
  }

  tell(event: 'online' | 'offline'): void {
    for (const listener of this.#listeners[event]) {
      try {
        listener();
      } catch (error) {
        this.#failed(event, error);
      }
    }
  }

  /** Hands a stanza over; `working` is called with each promise that a listener returns. It never rejects. */
  hand(stanza: Element, working: (promise: Promise<void>) => void): void {
    for (const listener of this.#listeners.stanza) {
      try {
        const promise = listener(stanza);
        if (promise instanceof Promise) working(promise.catch((error: unknown) => this.#failed('stanza', error)));
      } catch (error) {
        this.#failed('stanza', error);
      }
    }
  }

  #failed(event: EventName, error: unknown): void {
    this.#logger.error('A listener of the component connection failed', { event, error });
  }
}
