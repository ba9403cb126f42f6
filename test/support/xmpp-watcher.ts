// A person's Jabber client, for tests: the real @xmpp/client on a real connection.

import { type Client, client, xml } from '@xmpp/client';
import type { Element } from '@xmpp/xml';

export type WatcherOptions = {
  port: number;
  domain: string;
  username: string;
  password: string;
  /** Default: the server chooses one. */
  resource?: string;
};

/** A presence or message that arrived, with the parts that tests ask about taken out. */
export type Received = {
  readonly name: 'presence' | 'message';
  /** When it arrived, epoch milliseconds. */
  readonly at: number;
  readonly from: string;
  /** Undefined for a presence means available. */
  readonly type: string | undefined;
  readonly show: string | undefined;
  /** The text without xml:lang, or the first one. */
  readonly status: string | undefined;
  readonly body: string | undefined;
  readonly element: Element;
};

export type RosterItem = { jid: string; subscription: string; ask: string | undefined };

export type Predicate = (stanza: Received) => boolean;

export interface Watcher {
  /** The full JID. */
  readonly jid: string;
  readonly bareJid: string;
  /** Every presence that came from another account, in order. */
  readonly received: readonly Received[];
  readonly messages: readonly Received[];
  readonly isConnected: boolean;
  subscribe(contact: string): Promise<void>;
  unsubscribe(contact: string): Promise<void>;
  send(element: Element): Promise<void>;
  /** Sends an iq and resolves with the result; rejects with an error whose `condition` is the stanza error's. */
  request(iq: Element, limit?: number): Promise<Element>;
  roster(): Promise<readonly RosterItem[]>;
  /**
   * Takes the first stanza that matches from those not taken yet, waiting for it `limit` milliseconds (default 5,000).
   * Rejects with a list of what came instead.
   */
  next(predicate: Predicate, limit?: number): Promise<Received>;
  /** Resolves when for `duration` milliseconds no stanza that matches has come; stanzas that came before don't count. */
  expectSilence(duration: number, predicate?: Predicate): Promise<void>;
  /** Logs out: sends unavailable, closes the stream. Does nothing when the connection is gone. */
  stop(): Promise<void>;
  /** Cuts the connection without a word. */
  cut(): void;
}

// Time for a busy machine; xmpp.js gives 2 s, and after that its state is "opening" for ever.
const CONNECT_LIMIT = 10_000;
const REQUEST_LIMIT = 10_000;

/**
 * Logs in, fetches the roster, sends initial presence, and resolves when the server has taken the presence in.
 * Rejects when the server refuses.
 */
export async function connectWatcher(options: WatcherOptions): Promise<Watcher> {
  const entity = openClient(options);
  const received: Received[] = [];
  const messages: Received[] = [];
  const untaken: Received[] = [];
  const arrivals = new Set<(stanza: Received) => void>();
  let connected = false;
  let bareJid = '';
  let tookPresence = (): void => {};

  entity.on('disconnect', () => {
    connected = false;
  });
  entity.on('stanza', (element) => {
    if (element.name === 'iq') return;
    const stanza = read(element);
    if (stanza.name === 'presence' && bareOf(stanza.from) === bareJid) {
      if (stanza.from === entity.jid?.toString()) tookPresence();
      return;
    }
    (stanza.name === 'presence' ? received : messages).push(stanza);
    untaken.push(stanza);
    for (const arrival of [...arrivals]) arrival(stanza);
  });

  async function roster(): Promise<readonly RosterItem[]> {
    const result = await entity.iqCaller.request(
      xml('iq', { type: 'get' }, xml('query', { xmlns: 'jabber:iq:roster' })),
      REQUEST_LIMIT,
    );
    const items = result.getChild('query', 'jabber:iq:roster')?.getChildren('item') ?? [];
    return items.map(({ attrs }) => ({
      jid: attrs.jid ?? '',
      subscription: attrs.subscription ?? 'none',
      ask: attrs.ask,
    }));
  }

  function take(predicate: Predicate): Received | undefined {
    const position = untaken.findIndex(predicate);
    return position < 0 ? undefined : untaken.splice(position, 1)[0];
  }

  await entity.start();
  connected = true;
  const jid = String(entity.jid);
  bareJid = bareOf(jid);
  await roster();
  await within(CONNECT_LIMIT, 'the server did not echo the initial presence', async () => {
    const echoed = new Promise<void>((resolve) => {
      tookPresence = resolve;
    });
    await entity.send(xml('presence'));
    await echoed;
  });

  return {
    jid,
    bareJid,
    received,
    messages,
    get isConnected() {
      return connected;
    },
    subscribe: (contact) => entity.send(xml('presence', { to: contact, type: 'subscribe' })),
    unsubscribe: (contact) => entity.send(xml('presence', { to: contact, type: 'unsubscribe' })),
    send: (element) => entity.send(element),
    request: (iq, limit = REQUEST_LIMIT) => entity.iqCaller.request(iq, limit),
    roster,
    async next(predicate, limit = 5_000) {
      const already = take(predicate);
      if (already) return already;
      return new Promise<Received>((resolve, reject) => {
        const arrival = (stanza: Received): void => {
          if (!predicate(stanza)) return;
          finish();
          take((candidate) => candidate === stanza);
          resolve(stanza);
        };
        const finish = (): void => {
          clearTimeout(timer);
          arrivals.delete(arrival);
        };
        // Made here, so that its stack shows the line of the test that waits.
        const error = new Error();
        const timer = setTimeout(() => {
          finish();
          error.message = `${bareJid}: no stanza matched ${predicate} in ${limit} ms; ${listOf(untaken)}`;
          reject(error);
        }, limit);
        arrivals.add(arrival);
      });
    },
    async expectSilence(duration, predicate = () => true) {
      const error = new Error();
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          arrivals.delete(arrival);
          resolve();
        }, duration);
        const arrival = (stanza: Received): void => {
          if (!predicate(stanza)) return;
          clearTimeout(timer);
          arrivals.delete(arrival);
          error.message = `${bareJid}: expected silence, but there came ${stanza.element}`;
          reject(error);
        };
        arrivals.add(arrival);
      });
    },
    async stop() {
      if (!connected) return;
      // The server may be closing the connection at this moment: then we are logged out as well.
      await entity.send(xml('presence', { type: 'unavailable' })).catch(() => {});
      await entity.stop();
    },
    cut() {
      entity.socket?.destroy();
    },
  };
}

/** Logs in without presence and removes the account (XEP-0077 §3.2). */
export async function removeAccount(options: WatcherOptions): Promise<void> {
  const entity = openClient(options);
  await entity.start();
  const removal = xml('query', { xmlns: 'jabber:iq:register' }, xml('remove'));
  await entity.iqCaller.request(xml('iq', { type: 'set' }, removal), REQUEST_LIMIT);
  await entity.stop();
}

function openClient(options: WatcherOptions): Client {
  const { port, domain, username, password, resource } = options;
  const entity = client({
    service: `xmpp://127.0.0.1:${port}`,
    domain,
    ...(resource === undefined ? {} : { resource }),
    credentials: (authenticate) => authenticate({ username, password }),
  });
  entity.timeout = CONNECT_LIMIT;
  // xmpp.js reconnects by itself, which would hide from a test that the connection broke.
  entity.reconnect.stop();
  entity.prependListener('element', offerOnlyPlain);
  // xmpp.js decodes chunk by chunk: a character split over two chunks would arrive as U+FFFD.
  entity.on('connect', () => entity.socket?.setEncoding('utf8'));
  // Without a listener an error would end the process. What matters rejects the call that it concerns.
  entity.on('error', () => {});
  return entity;
}

/**
 * Takes SCRAM out of what the server offers: @xmpp/sasl 0.13.6 does not await the answer of sasl-scram-sha-1 1.4.0,
 * which became asynchronous, and sends an empty response (Prosody: malformed-request).
 */
function offerOnlyPlain(element: Element): void {
  const mechanisms = element.getChild('mechanisms', 'urn:ietf:params:xml:ns:xmpp-sasl');
  if (mechanisms) mechanisms.children = mechanisms.getChildElements().filter((child) => child.text() === 'PLAIN');
}

function read(element: Element): Received {
  const statuses = element.getChildren('status');
  const status = statuses.find((candidate) => candidate.attrs['xml:lang'] === undefined) ?? statuses[0];
  return {
    name: element.name === 'message' ? 'message' : 'presence',
    at: Date.now(),
    from: element.attrs.from ?? '',
    type: element.attrs.type,
    show: element.getChild('show')?.text(),
    status: status?.text(),
    body: element.getChild('body')?.text(),
    element,
  };
}

function listOf(stanzas: readonly Received[]): string {
  if (stanzas.length === 0) return 'nothing else came';
  return `not taken:\n${stanzas.map(({ element }) => `  ${element}`).join('\n')}`;
}

function bareOf(jid: string): string {
  return jid.split('/', 1)[0] as string;
}

async function within<T>(limit: number, failure: string, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(failure)), limit);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
