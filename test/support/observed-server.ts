// An XMPP server as a bare component sees it, for the files that say what servers really do.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { connectRawComponent, type RawComponent } from '../bench/support/raw-component.ts';
import type { XmppServer } from './xmpp-server.ts';
import type { Watcher } from './xmpp-watcher.ts';

const LOG_LIMIT = 5_000;

export interface ObservedServer {
  readonly server: XmppServer;
  /** The component's domain, and the users'. */
  readonly domain: string;
  readonly users: string;
  /** Connects a component; closed after the test. */
  connect(secret?: string, domain?: string): Promise<RawComponent>;
  /** Logs a user in; logged out after the test. */
  logIn(user: string, resource?: string): Promise<Watcher>;
  /** Makes the user a watcher of `alice`, as the gateway would. */
  subscribe(component: RawComponent, user: string): Promise<Watcher>;
  contact(name?: string): string;
  userJid(user: string): string;
  /** Resolves when the server's log has a line like this since the test began. */
  logged(pattern: RegExp): Promise<void>;
}

/** Starts the server for the tests of the file that calls this. */
export function observe(start: () => Promise<XmppServer>): ObservedServer {
  let server: XmppServer;
  const closings: (() => Promise<void>)[] = [];
  let logBefore = 0;

  beforeAll(async () => {
    server = await start();
  });
  afterEach(async () => {
    for (const close of closings.splice(0).reverse()) await close();
    logBefore = server.log().length;
  });
  afterAll(() => server?.remove());

  const observed: ObservedServer = {
    get server() {
      return server;
    },
    get domain() {
      return server.component.domain;
    },
    get users() {
      return server.domain;
    },
    async connect(secret = server.component.secret, domain = server.component.domain) {
      const component = await connectRawComponent({ port: server.componentPort, domain, secret });
      closings.push(component.close);
      return component;
    },
    async logIn(user, resource) {
      const watcher = await server.watcher(user, resource);
      closings.push(watcher.stop);
      return watcher;
    },
    async subscribe(component, user) {
      const watcher = await observed.logIn(user);
      await watcher.subscribe(observed.contact());
      await component.waitFor(presence('subscribe', watcher.bareJid));
      await component.write(`<presence from='${observed.contact()}' to='${watcher.bareJid}' type='subscribed'/>`);
      await watcher.next((stanza) => stanza.type === 'subscribed');
      return watcher;
    },
    contact: (name = 'alice') => `${name}@${server.component.domain}`,
    userJid: (user) => `${user}@${server.domain}`,
    async logged(pattern) {
      const deadline = Date.now() + LOG_LIMIT;
      while (!pattern.test(server.log().slice(logBefore))) {
        if (Date.now() > deadline) throw new Error(`no ${pattern} in the log:\n${server.log().slice(logBefore)}`);
        await sleep(50);
      }
    },
  };
  return observed;
}

/** Presence of this type, from there. */
export function presence(type: string, from: string): RegExp {
  const parts = [`type=['"]${type}['"]`, `from=['"]${from}['"]`];
  return new RegExp(`<presence${parts.map((part) => `(?=[^>]* ${part})`).join('')}[^>]*>`);
}

/** A ping from the component's domain, with this id. */
export function ping(id: string, from: string, to: string): string {
  return `<iq type='get' id='${id}' from='${from}' to='${to}'><ping xmlns='urn:xmpp:ping'/></iq>`;
}
