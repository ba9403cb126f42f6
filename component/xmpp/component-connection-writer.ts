import { randomBytes } from 'node:crypto';
import xml, { type Element } from '@xmpp/xml';
import { type Clock, SECOND, type Timer } from '../runtime/clock.ts';
import { isSameAddress } from './component-connection-requests.ts';
import { SendWindow } from './send-window.ts';

export type AcknowledgedWriterOptions = {
  readonly domain: string;
  readonly clock: Clock;
  /** Stanzas a window. */
  readonly windowSize: number;
  /** Milliseconds a ping may take. */
  readonly ackTimeout: number;
  /** Milliseconds without a byte from the server before it is asked for one. */
  readonly keepAlive: number;
  readonly write: (text: string) => void;
  /** Called when a window was acknowledged. */
  readonly acknowledged: () => void;
  /** Called when a ping was not answered within `ackTimeout`. */
  readonly unanswered: () => void;
};

/** Milliseconds that stanzas of a partial window wait for company before they are acknowledged with it. */
const PARTIAL_WINDOW = SECOND;

/**
 * Writes stanzas in windows that end with a XEP-0199 ping, and finds a dead peer by the pings that don't come back:
 * xmpp.js has neither, and a component has no stream management (XEP-0198).
 *
 * The ping goes from the component's domain to itself. That takes the whole way through the server's router and back
 * on every server, while the name of the server itself is not known on a component stream (it may even be foreign to
 * the component's domain, and a ping would leave for another server). What comes back, be it the ping, a result
 * because the server answered in our place, or an error, acknowledges.
 */
export class AcknowledgedWriter {
  readonly #options: AcknowledgedWriterOptions;
  readonly #window: SendWindow;
  /** By the pings under way; none of them runs while nothing is read. */
  readonly #timeouts = new Map<string, Timer | undefined>();
  /** Random, so that an acknowledgement can't be mistaken for one of another stream or another gateway. */
  readonly #prefix = `w${randomBytes(6).toString('hex')}-`;
  #pings = 0;
  #isPaused = false;
  #partial: Timer | undefined;
  #idle: Timer | undefined;

  constructor(options: AcknowledgedWriterOptions) {
    this.#options = options;
    this.#window = new SendWindow(options.windowSize);
    this.heard();
  }

  /** How many stanzas bulk traffic may write now. */
  room(): number {
    return this.#window.room();
  }

  get unacknowledged(): number {
    return this.#window.unacknowledged;
  }

  /** Writes `count` serialised stanzas, and the ping behind them when they fill the window. */
  send(text: string, count: number): void {
    if (this.#window.wrote(count)) {
      this.#options.write(text + this.#endWindow());
      return;
    }
    this.#partial ??= this.#options.clock.after(PARTIAL_WINDOW, () => {
      this.#partial = undefined;
      // While another ping is under way its acknowledgement comes first, and then looks here again.
      if (this.#window.awaited === 0) this.flush();
    });
    this.#options.write(text);
  }

  /** Ends a partial window now. */
  flush(): void {
    if (this.#window.open > 0) this.#options.write(this.#endWindow());
  }

  /** Takes what came back of a ping. False: the stanza is something else. */
  receive(stanza: Element): boolean {
    const { id, from } = stanza.attrs;
    if (stanza.name !== 'iq' || id === undefined || !id.startsWith(this.#prefix)) return false;
    if (!isSameAddress(from, this.#options.domain)) return false;
    const acknowledged = this.#window.acknowledge(id);
    for (const ping of acknowledged) {
      this.#timeouts.get(ping)?.cancel();
      this.#timeouts.delete(ping);
    }
    if (this.#partial === undefined && this.#window.awaited === 0) this.flush();
    if (acknowledged.length > 0) this.#options.acknowledged();
    return true;
  }

  /** A byte came from the server: it need not be asked for one for a while. */
  heard(): void {
    this.#idle?.cancel();
    this.#idle = this.#options.clock.after(this.#options.keepAlive, () => {
      if (this.#window.awaited === 0) this.#options.write(this.#endWindow());
    });
  }

  /** Nothing is read any more until `resumed`, an answer neither: no ping is overdue for that. */
  paused(): void {
    this.#isPaused = true;
    for (const timer of this.#timeouts.values()) timer?.cancel();
  }

  resumed(): void {
    this.#isPaused = false;
    for (const id of this.#timeouts.keys()) this.#await(id);
  }

  /** The stream has ended: nothing is waited for any more. */
  close(): void {
    this.#partial?.cancel();
    this.#idle?.cancel();
    for (const timer of this.#timeouts.values()) timer?.cancel();
    this.#timeouts.clear();
  }

  #endWindow(): string {
    const domain = xml.escapeXML(this.#options.domain);
    const id = `${this.#prefix}${++this.#pings}`;
    this.#partial?.cancel();
    this.#partial = undefined;
    this.#window.end(id);
    this.#await(id);
    return `<iq type='get' from='${domain}' to='${domain}' id='${id}'><ping xmlns='urn:xmpp:ping'/></iq>`;
  }

  #await(id: string): void {
    const { clock, ackTimeout, unanswered } = this.#options;
    this.#timeouts.set(id, this.#isPaused ? undefined : clock.after(ackTimeout, unanswered));
  }
}
