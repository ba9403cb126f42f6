// @xmpp/client 0.13.6 comes without types: these are the parts that the tests use.
declare module '@xmpp/client' {
  import type { Socket } from 'node:net';
  import type { Element } from '@xmpp/xml';

  export const xml: typeof import('@xmpp/xml').default;

  export type Credentials = { username: string; password: string };

  export interface Client {
    /** Milliseconds that each step of connecting may take. */
    timeout: number;
    readonly socket: Socket | null;
    readonly jid: { toString(): string } | null;
    readonly reconnect: { stop(): void };
    readonly iqCaller: { request(iq: Element, timeout?: number): Promise<Element> };
    on(event: 'stanza', listener: (stanza: Element) => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
    on(event: 'connect' | 'disconnect', listener: () => void): this;
    prependListener(event: 'element', listener: (element: Element) => void): this;
    start(): Promise<unknown>;
    stop(): Promise<unknown>;
    send(element: Element): Promise<void>;
  }

  export function client(options: {
    service: string;
    domain: string;
    resource?: string;
    credentials: (authenticate: (credentials: Credentials) => Promise<void>, mechanism: string) => Promise<void>;
  }): Client;
}
