import type { ContactLocal } from '../directory/directory.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { Turns } from '../runtime/turns.ts';
import type { BareJid } from '../subscription/bare-jid.ts';
import { type Look, type Presence, presenceKey, UNKNOWN } from './presence.ts';
import { SaidSaver } from './said-saver.ts';
import type { SaidStore } from './said-store.ts';
import { Telling } from './telling.ts';
import { TokenBucket } from './token-bucket.ts';

/** One contact's presence for some of its watchers. */
export type Announcement = {
  readonly contact: ContactLocal;
  readonly presence: Presence;
  readonly to: readonly BareJid[];
};

/** The way to the XMPP server, as a port. */
export interface PresenceWire {
  /** How many watchers may be told now; 0 when offline. */
  room(): number;
  /** Resolves when there is room; rejects with the signal's reason. Pending while offline. */
  whenRoom(signal: AbortSignal): Promise<void>;
  /** Writes them, in order; false when offline: then none was written. Keeps nothing of them beyond the call. */
  announce(announcements: readonly Announcement[]): boolean;
  /** Writes to one address, a watcher's or a client's; false when offline. */
  say(contact: ContactLocal, presence: Presence, to: string): boolean;
}

export type PresencePublisherOptions = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly wire: PresenceWire;
  readonly store: SaidStore;
  readonly presenceOf: (contact: ContactLocal) => Presence;
  /** Those who are told; read at once, and not kept. */
  readonly watchersOf: (contact: ContactLocal) => readonly BareJid[];
  /** The most watchers that are told in a second while everything is said again. */
  readonly repeatRate: number;
};

/** Watchers of one contact that are told before the next contact has its turn. */
const TURN = 100;

/** Contacts whose place in what is said again is found in a turn of the event loop, 3 to 5 µs each (measured). */
const MOST_IN_A_TURN = 500;
/** Equal to no presence's key: what the contact shows has not been looked at. */
const NOT_LOOKED_AT = '';

/** What is written at once: to how many watchers. */
type Batch = { readonly announcements: Announcement[]; count: number };

/**
 * Tells watchers what changed: each watcher once for each change, and nothing where nothing changed. Changes go
 * first; then what is said again after a reconnect, in this order: contacts that differ from what was last said,
 * those in a meeting or away, the rest. What waits is a contact, not a stanza, and takes its content when its turn
 * comes: so the last state wins, and waiting costs no memory however many watchers there are.
 */
export class PresencePublisher {
  readonly #options: PresencePublisherOptions;
  readonly #contacts = new Map<ContactLocal, Telling>();
  readonly #fresh = new Set<ContactLocal>();
  readonly #repeats: readonly Set<ContactLocal>[] = [new Set(), new Set(), new Set()];
  readonly #repeatTokens: TokenBucket;
  readonly #saver: SaidSaver;
  readonly #abort = new AbortController();
  /** Finds each contact's place in what is said again. */
  readonly #sorting: Turns<[ContactLocal, Telling]>;
  #pumping = false;
  #wake: () => void = () => undefined;
  #withdrawn = false;

  constructor(options: PresencePublisherOptions) {
    this.#options = options;
    this.#repeatTokens = new TokenBucket(options.clock, options.repeatRate);
    this.#sorting = new Turns(options.clock, MOST_IN_A_TURN, (entry) => this.#sort(entry));
    this.#saver = new SaidSaver({ ...options, lastSaid: (contact) => this.#contacts.get(contact)?.lastSaid });
  }

  /** A contact that has watchers since an earlier run, and what was last said of it then. */
  restore(contact: ContactLocal, lastSaid: string | undefined): void {
    this.#contacts.set(contact, new Telling(NOT_LOOKED_AT, lastSaid));
  }

  /** The contact may show something else now: `presence`, if somebody has looked. */
  changed(contact: ContactLocal, presence?: Presence): void {
    const telling = this.#contacts.get(contact);
    if (telling === undefined || this.#withdrawn) return;
    const key = presenceKey(presence ?? this.#options.presenceOf(contact));
    if (key === telling.key) return;
    telling.show(key);
    for (const lane of this.#repeats) lane.delete(contact);
    this.#fresh.add(contact);
    this.#pump();
  }

  /** A watcher has just been told `subscribed`: now it is told the presence. */
  greet(contact: ContactLocal, watcher: BareJid): void {
    if (this.#withdrawn) return;
    const telling = this.#telling(contact);
    const presence = this.#options.presenceOf(contact);
    // A transition that the clock has not come to yet: all the others hear of it too.
    this.changed(contact, presence);
    if (!this.#options.wire.say(contact, presence, watcher)) return;
    if (telling.isUntold && !this.#isWaiting(contact)) this.#finish(contact, telling);
    else telling.note(watcher, presenceKey(presence));
  }

  /** Answers a client that probed. */
  answer(contact: ContactLocal, client: string): void {
    const telling = this.#telling(contact);
    const presence = this.#presenceOf(contact);
    this.changed(contact);
    if (!this.#options.wire.say(contact, presence, client)) return;
    telling.noteClient(client.split('/', 1)[0] as BareJid, presenceKey(presence));
  }

  /** Tells one that nothing is known, or that it no longer watches. */
  answerUnavailable(contact: ContactLocal, to: string): void {
    this.#options.wire.say(contact, UNKNOWN, to);
    this.#contacts.get(contact)?.leave(to);
  }

  /** The contact has no watchers any more. */
  forget(contact: ContactLocal): void {
    this.#contacts.delete(contact);
    this.#fresh.delete(contact);
    for (const lane of this.#repeats) lane.delete(contact);
    this.#saver.changed(contact);
  }

  /** A new connection: the server asks for nothing. Says it all again. */
  repeatAll(): void {
    if (this.#withdrawn) return;
    this.#fresh.clear();
    for (const lane of this.#repeats) lane.clear();
    for (const telling of this.#contacts.values()) telling.startOver();
    // Nothing is said again before all have their place; what changes meanwhile goes first as always.
    this.#sorting.begin(this.#contacts, () => this.#pump());
  }

  #sort([contact, telling]: [ContactLocal, Telling]): void {
    if (this.#fresh.has(contact)) return;
    const presence = this.#presenceOf(contact);
    telling.show(presenceKey(presence));
    this.#repeats[repeatOrder(telling, presence.look)]?.add(contact);
  }

  /**
   * Tells every watcher that was told otherwise that nothing is known any more: of contacts in a meeting or away
   * first, then of the rest.
   *
   * @returns how many contacts' watchers could not all be told before the signal
   */
  async withdrawAll(signal: AbortSignal): Promise<number> {
    this.#withdrawn = true;
    this.#sorting.stop();
    this.#fresh.clear();
    for (const lane of this.#repeats) lane.clear();
    const unavailable = presenceKey(UNKNOWN);
    const others: ContactLocal[] = [];
    for (const [contact, telling] of this.#contacts) {
      // Not by what it shows now: what went stale since the last look was never said.
      if (telling.wereAllTold(unavailable)) continue;
      const { look } = this.#options.presenceOf(contact);
      telling.show(unavailable);
      if (isEngaged(look)) this.#fresh.add(contact);
      else others.push(contact);
    }
    for (const contact of others) this.#fresh.add(contact);
    const { wire } = this.#options;
    while (this.#fresh.size > 0 && !signal.aborted) {
      if (wire.room() === 0) await wire.whenRoom(signal).catch(() => undefined);
      if (!signal.aborted) wire.announce(this.#fill(wire.room()).announcements);
    }
    return this.#fresh.size;
  }

  /** Ends; what was said is saved when this resolves. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#sorting.stop();
    this.#wake();
    await this.#saver.flush();
  }

  #telling(contact: ContactLocal): Telling {
    let telling = this.#contacts.get(contact);
    if (telling === undefined) {
      telling = new Telling(presenceKey(this.#presenceOf(contact)), undefined);
      this.#contacts.set(contact, telling);
    }
    return telling;
  }

  #presenceOf(contact: ContactLocal): Presence {
    return this.#withdrawn ? UNKNOWN : this.#options.presenceOf(contact);
  }

  #isWaiting(contact: ContactLocal): boolean {
    return this.#sorting.isUnderWay || this.#fresh.has(contact) || this.#repeats.some((lane) => lane.has(contact));
  }

  #finish(contact: ContactLocal, telling: Telling): void {
    if (telling.finish()) this.#saver.changed(contact);
  }

  /** Starts the pump, after the present turn of the event loop: what changes together goes together. */
  #pump(): void {
    if (this.#withdrawn) return;
    this.#wake();
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#run().catch((error: unknown) => {
        if (!this.#abort.signal.aborted) this.#options.logger.error('The presence publisher failed', { error });
      });
    });
  }

  async #run(): Promise<void> {
    const { wire } = this.#options;
    const { signal } = this.#abort;
    try {
      while (!signal.aborted && !this.#withdrawn && this.#hasWork()) {
        const room = wire.room();
        if (room === 0) {
          await wire.whenRoom(signal);
          continue;
        }
        const { announcements, count } = this.#fill(room);
        // Offline: the next connection begins with everything.
        if (count > 0 && !wire.announce(announcements)) continue;
        const mustWait = this.#fresh.size === 0 && this.#hasWork() && this.#repeatTokens.available() === 0;
        if (mustWait) await this.#pause(this.#repeatTokens.pause);
      }
    } finally {
      // In the same breath as the last look for work: a change between the two would wake nobody.
      this.#pumping = false;
    }
  }

  /** Waits for new tokens; a fresh change ends the wait. */
  #pause(delay: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(delay, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #hasWork(): boolean {
    return this.#fresh.size > 0 || (!this.#sorting.isUnderWay && this.#repeats.some((lane) => lane.size > 0));
  }

  #fill(room: number): Batch {
    const batch: Batch = { announcements: [], count: 0 };
    this.#drain(this.#fresh, room, batch);
    const most = Math.min(room, batch.count + this.#repeatTokens.available());
    const before = batch.count;
    if (!this.#sorting.isUnderWay) for (const lane of this.#repeats) this.#drain(lane, most, batch);
    this.#repeatTokens.take(batch.count - before);
    return batch;
  }

  /** Moves announcements from a lane until `most` watchers are told; contacts with many watchers take turns. */
  #drain(lane: Set<ContactLocal>, most: number, batch: Batch): void {
    // One iterator: it passes what is deleted, and comes to what is added at the end.
    for (const contact of lane) {
      if (batch.count >= most) return;
      lane.delete(contact);
      const telling = this.#contacts.get(contact);
      if (telling === undefined) continue;
      this.#takeTurn(contact, telling, Math.min(TURN, most - batch.count), batch);
      if (telling.isThrough) this.#finish(contact, telling);
      else lane.add(contact);
    }
  }

  #takeTurn(contact: ContactLocal, telling: Telling, most: number, batch: Batch): void {
    const presence = this.#presenceOf(contact);
    telling.show(presenceKey(presence));
    const to = telling.next(most, () => this.#options.watchersOf(contact));
    if (to.length === 0) return;
    batch.announcements.push({ contact, presence, to });
    batch.count += to.length;
  }
}

/** In a meeting or away: what a wrong screen misleads with. */
function isEngaged(look: Look): boolean {
  return look.available && look.show !== undefined;
}

function repeatOrder(telling: Telling, look: Look): 0 | 1 | 2 {
  if (telling.key !== telling.lastSaid) return 0;
  return isEngaged(look) ? 1 : 2;
}
