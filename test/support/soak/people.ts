import { setTimeout as sleep } from 'node:timers/promises';
import xml from '@xmpp/xml';
import type { House } from '../house.ts';
import type { Random } from '../random.ts';
import type { Watcher } from '../xmpp-watcher.ts';

/** What a client shows of a contact. */
export type View = 'available' | 'dnd' | 'away' | 'nothing';

/** Milliseconds that a server and the gateway have for an answer. */
const ANSWER = 20_000;

/** People with Jabber clients: who is logged in, whom they want to watch, and what they see. */
export class People {
  readonly #house: House;
  readonly #random: Random;
  readonly #names: readonly string[];
  readonly #contacts: readonly string[];
  readonly #online = new Map<string, Watcher>();
  /** Contacts by those who want to watch them. */
  readonly #wishes = new Map<string, Set<string>>();
  readonly counts = { logins: 0, logouts: 0, subscriptions: 0, removals: 0 };

  constructor(house: House, random: Random, names: readonly string[], contacts: readonly string[]) {
    this.#house = house;
    this.#random = random;
    this.#names = names;
    this.#contacts = contacts;
    for (const name of names) this.#wishes.set(name, new Set());
  }

  /** Somebody logs in, if anybody is not. */
  async login(): Promise<void> {
    const name = this.#pick(this.#names.filter((one) => !this.#isOnline(one)));
    if (name === undefined) return;
    this.#online.set(name, await this.#house.watcher(name, `client${this.counts.logins++}`));
  }

  async everybodyLogsIn(): Promise<void> {
    while (this.#names.some((name) => !this.#isOnline(name))) await this.login();
  }

  /** Somebody logs out, or loses the connection. */
  async logout(): Promise<void> {
    const name = this.#pick(this.#loggedIn());
    const watcher = name === undefined ? undefined : this.#online.get(name);
    if (name === undefined || watcher === undefined) return;
    this.#online.delete(name);
    this.counts.logouts++;
    if (this.#random.chance(0.3)) watcher.cut();
    else await watcher.stop().catch(() => undefined);
  }

  /** Somebody asks to watch one more. */
  async subscribe(): Promise<void> {
    const name = this.#pick(this.#loggedIn());
    if (name === undefined) return;
    const wishes = this.#wishesOf(name);
    const contact = this.#pick(this.#contacts.filter((one) => !wishes.has(one)));
    if (contact === undefined) return;
    wishes.add(contact);
    this.counts.subscriptions++;
    await this.#online
      .get(name)
      ?.subscribe(this.#house.contact(contact))
      .catch(() => undefined);
  }

  /** Somebody takes a contact from the roster; only while all is up, since no server repeats an `unsubscribe`. */
  async unsubscribe(): Promise<void> {
    const name = this.#pick(this.#loggedIn().filter((one) => this.#wishesOf(one).size > 0));
    const watcher = name === undefined ? undefined : this.#online.get(name);
    if (name === undefined || watcher === undefined) return;
    const contact = this.#random.pick([...this.#wishesOf(name)]);
    this.#wishesOf(name).delete(contact);
    this.counts.removals++;
    const item = xml('item', { jid: this.#house.contact(contact), subscription: 'remove' });
    // RFC 6121 §2.5: the server sends the unsubscribe.
    await watcher.request(xml('iq', { type: 'set' }, xml('query', 'jabber:iq:roster', item)), ANSWER);
    // Time to arrive: what is lost on the way to a gateway that dies is lost for good.
    await sleep(500);
  }

  /** Whoever still waits for an answer logs in anew: then the server asks again (RFC 6121 §3.1.2). */
  async askAgain(): Promise<void> {
    for (const name of this.#loggedIn()) {
      const watcher = this.#online.get(name);
      const roster = (await watcher?.roster()) ?? [];
      if (roster.every(({ ask }) => ask === undefined)) continue;
      await watcher?.stop();
      this.#online.set(name, await this.#house.watcher(name, `client${this.counts.logins++}`));
    }
  }

  /** What those who are logged in see wrongly, given what each contact shows in truth. */
  wrong(truth: (contact: string) => View): string[] {
    const wrong: string[] = [];
    for (const name of this.#loggedIn()) {
      for (const contact of this.#contacts) {
        const isWished = this.#wishesOf(name).has(contact);
        const expected = isWished ? truth(contact) : 'nothing';
        const seen = this.#view(name, contact);
        if (seen !== expected) wrong.push(`${name} sees ${contact} as ${seen} in place of ${expected}`);
      }
    }
    return wrong;
  }

  /** How many views `wrong` compares, and how many of them are of contacts that are watched. */
  get views(): { readonly all: number; readonly watched: number } {
    const online = this.#loggedIn();
    const watched = online.reduce((sum, name) => sum + this.#wishesOf(name).size, 0);
    return { all: online.length * this.#contacts.length, watched };
  }

  #view(name: string, contact: string): View {
    const jid = this.#house.contact(contact);
    const last = this.#online
      .get(name)
      ?.received.findLast(({ from, type }) => from.startsWith(`${jid}/`) && (type ?? 'unavailable') === 'unavailable');
    if (last === undefined || last.type === 'unavailable') return 'nothing';
    return (last.show as View | undefined) ?? 'available';
  }

  #isOnline(name: string): boolean {
    return this.#online.get(name)?.isConnected === true;
  }

  #loggedIn(): string[] {
    return this.#names.filter((name) => this.#isOnline(name));
  }

  #wishesOf(name: string): Set<string> {
    return this.#wishes.get(name) as Set<string>;
  }

  #pick(names: readonly string[]): string | undefined {
    return names.length === 0 ? undefined : this.#random.pick(names);
  }
}
