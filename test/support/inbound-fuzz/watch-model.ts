import type { XmlNode } from './strict-reader.ts';

export const DOMAIN = 'calendar.example.test';

/** Contacts whose mailboxes Exchange has, as local parts on the wire, and those mailboxes. */
export const CONTACTS: ReadonlyMap<string, string> = new Map([
  ['alice', 'alice@example.com'],
  ['bob', 'bob@example.com'],
  ['o\\27neil', "o'neil@example.com"],
  ['a.b\\40example.com', 'a.b@example.com'],
  ['a\\5c20b', 'a\\20b@example.com'],
  ['zoë', 'zoë@example.com'],
  ['用户', '用户@example.com'],
  ['boss', 'boss@hq.example'],
  ['constructor', 'constructor@example.com'],
  ['__proto__', '__proto__@example.com'],
]);

/** Watchers of all kinds, permitted and not. */
export const WATCHERS = [
  ...['romeo@example.net', 'juliet@example.net', 'mercutio@example.net', 'tybalt@example.net', 'zoë@example.net'],
  ...['__proto__@example.net', 'a\\40b@example.net', '用户@example.net', 'example.net'],
  ...['guest@partner.example', 'mallory@example.net', 'eve@evil.example', 'eve@example.net.evil.example'],
  ...['eve@calendar.example.test', 'calendar.example.test', 'evil.example'],
];

/** The policy of the fuzz's gateway: `may` says the same in other words. */
export const POLICY = {
  domains: ['example.net'],
  rules: [
    { effect: 'deny', watcher: 'mallory@example.net' },
    { effect: 'allow', watcher: 'guest@partner.example', contacts: ['alice', 'b*'] },
  ],
  maxSubscriptions: 1_000_000,
} as const;

function may(watcher: string, contact: string): boolean {
  if (watcher === 'mallory@example.net') return false;
  if (watcher === 'guest@partner.example') return contact === 'alice' || contact.startsWith('b');
  return watcher === 'example.net' || watcher.endsWith('@example.net');
}

type Jid = { readonly bare: string; readonly local: string; readonly domain: string };

// RFC 7622 §3: what no prepared address has. U+FFFD stands where there was no UTF-8.
const JID = /^(?:([^@/\p{Cc} "&':<>\ufffd]+)@)?([^@/\p{Cc} "&'<>\ufffd]+)(?:\/([^\p{Cc}\ufffd]+))?$/u;

function readJid(text: string | undefined): Jid | undefined {
  const [all, local = '', domain = '', resource = ''] = JID.exec(text ?? '') ?? [];
  if (all === undefined || [local, domain, resource].some((part) => Buffer.byteLength(part) > 1023)) return undefined;
  return { bare: all.split('/', 1)[0]?.toLowerCase() ?? '', local: local.toLowerCase(), domain: domain.toLowerCase() };
}

const STANZAS = ['presence', 'iq', 'message'];
/** Names of the namespace that a component's stanzas are in; some servers leave their clients' name in it. */
const NAMESPACES = [undefined, 'jabber:component:accept', 'jabber:client'];

/**
 * What the gateway has been asked by the letter, so what its database must hold, and whom it may tell anything.
 */
export class WatchModel {
  readonly #rows = new Map<string, 'subscribed' | 'perhaps'>();
  readonly #askedFor = new Set<string>();
  /** Requests that have not been answered. */
  requests = 0;
  readonly counts = { stanzas: 0, results: 0, errors: 0, presences: 0, refusals: 0, messages: 0 };

  /** The server has said a stanza. */
  said({ name, attributes }: XmlNode): void {
    if (!STANZAS.includes(name) || !NAMESPACES.includes(attributes.xmlns)) return;
    this.counts.stanzas++;
    const from = readJid(attributes.from);
    const to = readJid(attributes.to);
    const { type } = attributes;
    if (name === 'iq' && from !== undefined && type !== 'error' && type !== 'result') this.requests++;
    if (name !== 'presence' || from === undefined || to?.domain !== DOMAIN || to.local === '') return;
    const key = `${to.local} ${from.bare}`;
    if (type === 'unsubscribe') this.#rows.delete(key);
    if (type !== 'subscribe' && type !== 'probe') return;
    if (!may(from.bare, to.local)) {
      this.#rows.delete(key);
      return;
    }
    this.#askedFor.add(key);
    if (CONTACTS.has(to.local)) this.#rows.set(key, 'subscribed');
    // Exchange knows no such mailbox: a probe may have been sooner than its word.
    else this.#rows.set(key, 'perhaps');
  }

  /** The gateway has said a stanza. @throws when it had no right to */
  heard({ name, attributes, children }: XmlNode): void {
    const { type } = attributes;
    const from = readJid(attributes.from);
    const to = readJid(attributes.to);
    if (from?.domain !== DOMAIN || to === undefined) throw new Error('an address that servers close the stream at');
    const isPermitted = from.local === '' ? may(to.bare, '') : this.#askedFor.has(`${from.local} ${to.bare}`);
    if (name === 'iq' && (type === 'result' || type === 'error')) this.requests--;
    if (type === 'error') this.counts.errors++;
    else if (name === 'iq') {
      this.counts.results++;
      if (children.some((child) => child.name === 'vCard') && !may(to.bare, from.local)) throw new Error('a name');
    } else if (name === 'message') {
      this.counts.messages++;
      if (!isPermitted) throw new Error('words for one who does not watch');
    } else if (type === 'unsubscribed') this.counts.refusals++;
    else {
      this.counts.presences++;
      if (!isPermitted) throw new Error('presence for one who may not have it');
    }
  }

  /** What is wrong with the rows of the database: contact and watcher, joined by a space. */
  faults(rows: ReadonlySet<string>): string[] {
    const faults: string[] = [];
    for (const row of rows) if (!this.#rows.has(row)) faults.push(`not asked for: ${row}`);
    for (const [row, state] of this.#rows) {
      if (state === 'subscribed' && !rows.has(row)) faults.push(`lost: ${row}`);
    }
    return faults;
  }
}
