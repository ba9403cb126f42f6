// Types for the part of xmpp.js that we use: it ships none for the component.
// What a module exports as a value is what Node can import from its CommonJS by name.

declare module '@xmpp/xml' {
  import type { EventEmitter } from 'node:events';

  export type Attributes = Record<string, string>;
  /** What `xml()` takes as a child: absent and empty ones are left out. */
  export type Child = Element | string | number | boolean | null | undefined | readonly Child[];

  export interface Element {
    /** With its prefix, if it has one. */
    name: string;
    attrs: { [name: string]: string | undefined };
    children: (Element | string)[];
    parent: Element | null;
    /** Whether the local name is `name` and, when given, the namespace `xmlns`. */
    is(name: string, xmlns?: string): boolean;
    getName(): string;
    getNS(): string | undefined;
    getAttr(name: string, xmlns?: string): string | null | undefined;
    getChild(name: string, xmlns?: string): Element | undefined;
    getChildren(name: string, xmlns?: string): Element[];
    getChildElements(): Element[];
    getChildText(name: string, xmlns?: string): string | null;
    getText(): string;
    text(): string;
    append(...nodes: (Element | string)[]): void;
    c(name: string, attrs?: Attributes | string): Element;
    t(text: string): this;
    up(): Element;
    root(): Element;
    remove(child: Element | string, xmlns?: string): this;
    toString(): string;
  }

  export interface Parser extends EventEmitter {
    write(text: string): void;
    end(text?: string): void;
  }

  interface Xml {
    (
      name: string,
      attrs?: Record<string, string | number | boolean | null | undefined> | string | null,
      ...children: Child[]
    ): Element;
    readonly Element: new (name: string, attrs?: Attributes | string) => Element;
    readonly Parser: new () => Parser;
    escapeXML(text: string): string;
    escapeXMLText(text: string): string;
  }

  const xml: Xml;
  // biome-ignore lint/style/noDefaultExport: it is CommonJS, and Node finds no names in it
  export default xml;
}

declare module '@xmpp/jid' {
  export interface JID {
    readonly local: string;
    readonly domain: string;
    readonly resource: string;
    bare(): JID;
    getLocal(unescaped?: boolean): string;
    equals(other: JID): boolean;
    toString(unescaped?: boolean): string;
  }
  export const JID: new (local: string | null | undefined, domain: string, resource?: string | null) => JID;
  /** Parses one address, or joins parts. Throws a TypeError when there is no domain. */
  export function jid(address: string): JID;
  export function jid(local: string | null | undefined, domain: string, resource?: string | null): JID;
  export function parse(address: string): JID;
  export function equal(a: JID, b: JID): boolean;
  export function escapeLocal(local: string): string | null;
  export function unescapeLocal(local: string): string | null;
  export function detectEscape(local: string): boolean;
}

declare module '@xmpp/component' {
  import type { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';
  import type { Element, Parser } from '@xmpp/xml';

  /** The entity, with the members that component-connection-stream replaces. */
  export interface Component extends EventEmitter {
    /** Milliseconds that its own waits last at most. */
    timeout: number;
    /** What it reads a stream with. */
    Parser: new () => Parser;
    readonly parser: Parser | null;
    readonly reconnect: { stop(): void };
    open(options: { domain: string; timeout: number }): Promise<Element>;
    _attachSocket(socket: Socket): void;
    _onData(data: string): void;
    _onStreamError(element: Element): void;
    _end(): Promise<void>;
  }

  export function component(options: { service: string; domain: string; password: string }): Component;
  export const xml: typeof import('@xmpp/xml').default;
  export const jid: typeof import('@xmpp/jid').jid;
}
