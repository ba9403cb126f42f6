import { randomBytes } from 'node:crypto';
import type { Element } from '@xmpp/xml';
import { type Clock, MINUTE, SECOND, type Timer } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { reportEnd, type StreamEnd } from './component-connection-end.ts';
import { InboundBacklog } from './component-connection-inbound.ts';
import { type ComponentConnectionEvents, ConnectionListeners } from './component-connection-listeners.ts';
import { ComponentRequestError, PendingRequests } from './component-connection-requests.ts';
import { type ComponentTlsOptions, checkSocketOptions } from './component-connection-socket.ts';
import { ComponentStream } from './component-connection-stream.ts';
import { Waiters } from './component-connection-waiters.ts';
import { AcknowledgedWriter } from './component-connection-writer.ts';
import { type FailureKind, reconnectDelay } from './reconnect-delay.ts';
import { legalXmlText } from './stanza-text.ts';

export type ComponentConnectionOptions = {
  readonly host: string;
  readonly port: number;
  /** The component's domain. */
  readonly domain: string;
  readonly secret: string;
  /** Direct TLS, always verified. Absent: plain text. */
  readonly tls?: ComponentTlsOptions | undefined;
  /** Allows plain text to a host that is not loopback. */
  readonly plaintext?: boolean | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Numbers in [0, 1) for the jitter of pauses. Default `Math.random`. */
  readonly random?: () => number;
  /** Stanzas a window; default 500. */
  readonly windowSize?: number;
  /** Milliseconds a window's ping may take before the peer counts as dead; default 30,000. */
  readonly ackTimeout?: number;
  /** Milliseconds without a byte from the server before a ping; default 60,000. */
  readonly keepAlive?: number;
  /** Milliseconds for TCP, TLS, stream and handshake together; default 10,000. */
  readonly connectTimeout?: number;
  /** While so many stanzas are being handled (see `stanza`), no more are read; default 1,000. */
  readonly inboundLimit?: number;
};

/** Milliseconds online after which a connection counts as sound, and the next failure as the first one. */
const SOUND_AFTER = MINUTE;
const REQUEST_TIMEOUT = 30 * SECOND;
/** Bytes of one stanza. Prosody closes the stream at 512 KiB. */
const LARGEST_STANZA_SENT = 500_000;

/**
 * The component's connection to its XMPP server (XEP-0114), kept up until it is stopped.
 *
 *     stopped ──start──▶ connecting ──handshake──▶ online
 *        ▲                │    ▲                      │
 *        │             failure └──────pause over──┐   │ end of the stream
 *        │                └──────▶ waiting ───────┘◀──┘
 *        └────────────────────── stop (from any state)
 *
 * Nothing is queued while it is not online: `send` says false, and after `online` the owner says everything again.
 */
export class ComponentConnection {
  readonly #options: ComponentConnectionOptions;
  readonly #logger: Logger;
  readonly #requests: PendingRequests;
  readonly #listeners: ConnectionListeners;
  readonly #roomWaiters = new Waiters();
  readonly #requestPrefix = `r${randomBytes(6).toString('hex')}-`;
  #requestCount = 0;
  #state: 'stopped' | 'connecting' | 'online' | 'waiting' | 'stopping' = 'stopped';
  #stream: ComponentStream | undefined;
  /** Present from online to the end of the stream. */
  #writer: AcknowledgedWriter | undefined;
  #pause: Timer | undefined;
  #soundness: Timer | undefined;
  #failures = 0;
  #lastFailure: FailureKind | undefined;
  #flushed: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  /** @throws Error when plain text to a host that is not loopback was not allowed, or `tls.ca` holds no certificate */
  constructor(options: ComponentConnectionOptions) {
    checkSocketOptions(options);
    this.#options = options;
    this.#logger = options.logger.child({ domain: options.domain, host: options.host, port: options.port });
    this.#listeners = new ConnectionListeners(this.#logger);
    this.#requests = new PendingRequests(options.clock);
  }

  on<Name extends keyof ComponentConnectionEvents>(event: Name, listener: ComponentConnectionEvents[Name]): void {
    this.#listeners.add(event, listener);
  }

  off<Name extends keyof ComponentConnectionEvents>(event: Name, listener: ComponentConnectionEvents[Name]): void {
    this.#listeners.delete(event, listener);
  }

  get isOnline(): boolean {
    return this.#state === 'online';
  }

  /** Connects, and reconnects for ever until `stop`. Does nothing unless stopped. */
  start(): void {
    if (this.#state !== 'stopped') return;
    this.#stopped = undefined;
    this.#failures = 0;
    this.#connect();
  }

  /**
   * Waits until what was written is acknowledged, closes the stream, then the socket; `send` says false from now on.
   * Resolves, never rejects, after at most `timeout` milliseconds.
   */
  stop(timeout: number): Promise<void> {
    this.#stopped ??= this.#stop(timeout);
    return this.#stopped;
  }

  /**
   * Writes a stanza, or several that are serialised already, at once and beside the window, though they count in it.
   * Of an element characters that XML can't carry are left out, as they must have been of a text; an element without
   * `from` is from the component's domain.
   *
   * @param count how many stanzas the text holds
   * @returns false when nothing was written: not online, or an element that would make the server close the stream
   * (no `to`, too large), which is logged
   */
  send(stanza: Element | string, count = 1): boolean {
    const writer = this.#writer;
    if (!this.isOnline || writer === undefined) return false;
    const text = typeof stanza === 'string' ? stanza : this.#serialise(stanza);
    if (text === '') return false;
    writer.send(text, count);
    return this.#writer === writer;
  }

  /**
   * How many stanzas bulk traffic may write now, in one `send` or several: never more than what fills the window.
   * At most two windows may be unacknowledged. 0 when offline.
   */
  room(): number {
    return this.isOnline ? (this.#writer?.room() ?? 0) : 0;
  }

  /** Resolves when `room() > 0` (ask again: another waiter may be faster). Rejects with the signal's reason. */
  whenRoom(signal: AbortSignal): Promise<void> {
    return this.room() > 0 && !signal.aborted ? Promise.resolve() : this.#roomWaiters.wait(signal);
  }

  /**
   * Sends an iq of type get or set under an id of its own, and resolves with the result from `to`.
   *
   * @param options.timeout milliseconds, default 30,000
   * @throws ComponentRequestError, or the signal's reason
   */
  request(iq: Element, options: { timeout?: number; signal?: AbortSignal } = {}): Promise<Element> {
    const { timeout = REQUEST_TIMEOUT, signal } = options;
    const { to } = iq.attrs;
    if (!to) return Promise.reject(new TypeError('A request needs an addressee'));
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    if (this.#requests.isFull) {
      return Promise.reject(new ComponentRequestError('overloaded', 'Too many requests wait for their reply'));
    }
    const id = `${this.#requestPrefix}${++this.#requestCount}`;
    iq.attrs.id = id;
    if (!this.send(iq)) return Promise.reject(new ComponentRequestError('offline', 'The request was not sent'));
    return this.#requests.wait(id, to, timeout, signal);
  }

  #connect(): void {
    const { clock, connectTimeout = 10 * SECOND, inboundLimit = 1_000 } = this.#options;
    this.#state = 'connecting';
    const backlog = new InboundBacklog(inboundLimit, {
      full: () => {
        stream.pause();
        this.#writer?.paused();
      },
      empty: () => {
        stream.resume();
        // The work of an earlier stream may still be settling.
        if (this.#stream === stream) this.#writer?.resumed();
      },
    });
    const stream = new ComponentStream(
      { ...this.#options, clock, connectTimeout },
      {
        online: () => this.#online(stream),
        stanza: (stanza) => this.#received(stanza, backlog),
        heard: () => this.#writer?.heard(),
        ended: (end) => this.#ended(end),
      },
    );
    this.#stream = stream;
  }

  #online(stream: ComponentStream): void {
    const { domain, clock, windowSize = 500, ackTimeout = 30 * SECOND, keepAlive = MINUTE } = this.#options;
    this.#writer = new AcknowledgedWriter({
      domain,
      clock,
      windowSize,
      ackTimeout,
      keepAlive,
      write: (text) => stream.write(text),
      acknowledged: () => this.#acknowledged(),
      unanswered: () => stream.end({ kind: 'unanswered', timeout: ackTimeout }),
    });
    this.#state = 'online';
    this.#soundness = clock.after(SOUND_AFTER, () => {
      this.#failures = 0;
    });
    this.#logger.info('Connected to the XMPP server', { tls: this.#options.tls !== undefined });
    this.#listeners.tell('online');
    if (this.room() > 0) this.#roomWaiters.release();
  }

  #received(stanza: Element, backlog: InboundBacklog): void {
    if (this.#writer?.receive(stanza) || this.#requests.receive(stanza)) return;
    // What comes during a stop could not be answered; it is as if it had come after.
    if (!this.isOnline) return;
    this.#listeners.hand(stanza, (working) => backlog.add(working));
  }

  #acknowledged(): void {
    if (this.#writer?.unacknowledged === 0) this.#flushed?.();
    if (this.room() > 0) this.#roomWaiters.release();
  }

  #ended(end: StreamEnd): void {
    const writer = this.#writer;
    writer?.close();
    this.#writer = undefined;
    this.#stream = undefined;
    this.#soundness?.cancel();
    this.#requests.failAll();
    const report = reportEnd(end);
    if (this.#state === 'stopping') {
      const unacknowledged = writer?.unacknowledged ?? 0;
      const level = unacknowledged > 0 ? 'warn' : report.level;
      this.#logger[level](report.message, { ...report.fields, unacknowledged });
      this.#flushed?.();
    } else {
      const retryIn = this.#reconnectLater(report.failure);
      this.#logger[report.level](report.message, { ...report.fields, retryIn });
    }
    if (writer !== undefined) this.#listeners.tell('offline');
  }

  /** Returns the pause, in milliseconds. */
  #reconnectLater(failure: FailureKind): number {
    const { clock, random = Math.random } = this.#options;
    // A refusal after trouble (or the reverse) is news: its pauses begin anew.
    this.#failures = failure === this.#lastFailure ? this.#failures + 1 : 1;
    this.#lastFailure = failure;
    const delay = Math.round(reconnectDelay(this.#failures, failure, random));
    this.#state = 'waiting';
    this.#pause = clock.after(delay, () => this.#connect());
    return delay;
  }

  async #stop(timeout: number): Promise<void> {
    if (this.#state === 'stopped') return;
    this.#state = 'stopping';
    this.#pause?.cancel();
    const stream = this.#stream;
    if (stream !== undefined) {
      const limit = this.#options.clock.after(timeout, () => stream.destroy());
      if (this.#writer === undefined) stream.destroy();
      // Nothing more is handed over; acknowledgements and the server's good-bye must be read.
      stream.resume();
      await this.#flush();
      await stream.close();
      limit.cancel();
    }
    this.#state = 'stopped';
  }

  async #flush(): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined || writer.unacknowledged === 0) return;
    writer.flush();
    await new Promise<void>((resolve) => {
      this.#flushed = resolve;
    });
    this.#flushed = undefined;
  }

  /** An empty text when the element must not be sent. */
  #serialise(stanza: Element): string {
    stanza.attrs.from ??= this.#options.domain;
    // ejabberd closes the whole stream at a stanza without an addressee.
    if (!stanza.attrs.to) {
      this.#logger.error('A stanza without an addressee was not sent', { stanza: stanza.name });
      return '';
    }
    const text = legalXmlText(stanza.toString());
    if (Buffer.byteLength(text) > LARGEST_STANZA_SENT) {
      this.#logger.error('A stanza that is too large was not sent', { stanza: stanza.name, size: text.length });
      return '';
    }
    return text;
  }
}
