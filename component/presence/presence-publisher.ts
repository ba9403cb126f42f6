import type { ContactLocal } from '../directory/directory.ts';
import { type Clock, SECOND, type Timer } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { BareJid } from '../subscription/subscription-store.ts';
import { type Look, lookKey, type Presence, UNAVAILABLE, UNKNOWN } from './presence.ts';
import type { SaidRecord, SaidStore } from './said-store.ts';
import { TokenBucket } from './token-bucket.ts';

/** One contact's presence for one watcher: a bare JID, or the full JID of a client that probed. */
export type Utterance = { readonly contact: ContactLocal; readonly to: string; readonly presence: Presence };

/** The way to the XMPP server, as a port. */
export interface PresenceWire {
  /** How many utterances may be said now; 0 when offline. */
  room(): number;
  /** Resolves when there is room; rejects with the signal's reason. Pending while offline. */
  whenRoom(signal: AbortSignal): Promise<void>;
  /** Writes them, in order; false when offline: then none was written. */
  say(utterances: readonly Utterance[]): boolean;
}

export type PresencePublisherOptions = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly wire: PresenceWire;
  readonly store: SaidStore;
  readonly presenceOf: (contact: ContactLocal) => Presence;
  readonly watchersOf: (contact: ContactLocal) => Iterable<BareJid>;
  /** The most utterances a second while everything is said again. */
  readonly repeatRate: number;
};

type ContactState = {
  /** The key of what the contact shows now. */
  key: string;
  /** What all watchers were told on this connection; undefined: not known, each is told. */
  base: string | undefined;
  /** Watchers that were told something else than `base`. */
  told: Map<BareJid, string> | undefined;
  /** The watchers still to be told, from the end; undefined: not begun. */
  remaining: BareJid[] | undefined;
  /** What was last said of the contact on any connection, as far as the store remembers. */
  lastSaid: string | undefined;
};

/** Watchers of one contact that are told before the next contact has its turn. */
const TURN = 100;
const SAVE_PAUSE = SECOND;
/** In the place of a look's key, and equal to none: a watcher whose clients were told different things. */
const MIXED = '';

/**
 * Tells watchers what changed: each watcher once for each change, and nothing where nothing changed. Changes go
 * first; then what is said again after a reconnect, in this order: contacts that differ from what was last said,
 * those in a meeting or away, the rest. What waits is a contact, not a stanza, and takes its content when its turn
 * comes: so the last state wins, and waiting costs no memory however many watchers there are.
 */
export class PresencePublisher {
  readonly #options: PresencePublisherOptions;
  readonly #contacts = new Map<ContactLocal, ContactState>();
  readonly #fresh = new Set<ContactLocal>();
  readonly #repeats: readonly Set<ContactLocal>[] = [new Set(), new Set(), new Set()];
  readonly #repeatTokens: TokenBucket;
  readonly #unsaved = new Set<ContactLocal>();
  readonly #abort = new AbortController();
  #saveTimer: Timer | undefined;
  #saving: Promise<void> = Promise.resolve();
  #pumping = false;
  #wake: () => void = () => undefined;
  #withdrawn = false;

  constructor(options: PresencePublisherOptions) {
    this.#options = options;
    this.#repeatTokens = new TokenBucket(options.clock, options.repeatRate);
  }

  /** A contact that has watchers since an earlier run, and what was last said of it then. */
  restore(contact: ContactLocal, lastSaid: string | undefined): void {
    this.#contacts.set(contact, { ...this.#newState(contact), lastSaid });
  }

  /** The contact may show something else now. */
  changed(contact: ContactLocal): void {
    const state = this.#contacts.get(contact);
    if (state === undefined || this.#withdrawn) return;
    const key = lookKey(this.#options.presenceOf(contact).look);
    if (key === state.key) return;
    state.key = key;
    state.remaining = undefined;
    for (const lane of this.#repeats) lane.delete(contact);
    this.#fresh.add(contact);
    this.#pump();
  }

  /** A watcher has just been told `subscribed`: now it is told the presence. */
  greet(contact: ContactLocal, watcher: BareJid): void {
    if (this.#withdrawn) return;
    const state = this.#ensure(contact);
    const presence = this.#options.presenceOf(contact);
    const key = lookKey(presence.look);
    // A transition that the clock has not come to yet: all the others hear of it too.
    if (key !== state.key) this.changed(contact);
    if (!this.#options.wire.say([{ contact, to: watcher, presence }])) return;
    if (state.base === undefined && !this.#isWaiting(contact)) this.#allTold(contact, state, key);
    else this.#tell(state, watcher, key);
  }

  /** Answers a client that probed. */
  answer(contact: ContactLocal, client: string): void {
    const state = this.#ensure(contact);
    const presence = this.#presenceOf(contact);
    const key = lookKey(presence.look);
    if (key !== state.key) this.changed(contact);
    if (!this.#options.wire.say([{ contact, to: client, presence }])) return;
    const watcher = client.split('/', 1)[0] as BareJid;
    // Its clients show different things now: whatever comes next, the watcher is told.
    if ((state.told?.get(watcher) ?? state.base) !== key) this.#tell(state, watcher, MIXED);
  }

  /** Tells one that nothing is known, or that it no longer watches. */
  answerUnavailable(contact: ContactLocal, to: string): void {
    this.#options.wire.say([{ contact, to, presence: UNKNOWN }]);
    const state = this.#contacts.get(contact);
    if (state === undefined) return;
    state.told?.delete(to);
    // A fan-out that is under way must not reach one who has left.
    state.remaining = state.remaining?.filter((watcher) => watcher !== to);
  }

  /** The contact has no watchers any more. */
  forget(contact: ContactLocal): void {
    this.#contacts.delete(contact);
    this.#fresh.delete(contact);
    for (const lane of this.#repeats) lane.delete(contact);
    this.#scheduleSave(contact);
  }

  /** A new connection: nobody knows what arrived of the old one, and the server asks for nothing. Says it all again. */
  repeatAll(): void {
    if (this.#withdrawn) return;
    this.#fresh.clear();
    for (const lane of this.#repeats) lane.clear();
    for (const [contact, state] of this.#contacts) {
      state.base = undefined;
      state.told = undefined;
      state.remaining = undefined;
      const { look } = this.#presenceOf(contact);
      state.key = lookKey(look);
      this.#repeats[repeatOrder(state, look)]?.add(contact);
    }
    this.#pump();
  }

  /**
   * Tells every watcher that was told otherwise that nothing is known any more, meeting and away first, then what
   * remains; saves what was said.
   *
   * @returns how many contacts' watchers could not all be told before the signal
   */
  async withdrawAll(signal: AbortSignal): Promise<number> {
    this.#withdrawn = true;
    this.#fresh.clear();
    for (const lane of this.#repeats) lane.clear();
    const engaged: ContactLocal[] = [];
    const others: ContactLocal[] = [];
    for (const [contact, state] of this.#contacts) {
      const { look } = this.#options.presenceOf(contact);
      // Not by what it shows now: what went stale since the last look was never said.
      if (state.base === lookKey(UNAVAILABLE) && !state.told?.size) continue;
      state.key = lookKey(UNAVAILABLE);
      state.remaining = undefined;
      (isEngaged(look) ? engaged : others).push(contact);
    }
    for (const contact of [...engaged, ...others]) this.#fresh.add(contact);
    while (this.#fresh.size > 0 && !signal.aborted) {
      const { wire } = this.#options;
      if (wire.room() === 0) await wire.whenRoom(signal).catch(() => undefined);
      if (!signal.aborted) wire.say(this.#fill(wire.room()));
    }
    return this.#fresh.size;
  }

  /** Ends; what was said is saved when this resolves. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#wake();
    await this.#save();
  }

  #ensure(contact: ContactLocal): ContactState {
    let state = this.#contacts.get(contact);
    if (state === undefined) {
      state = this.#newState(contact);
      this.#contacts.set(contact, state);
    }
    return state;
  }

  #newState(contact: ContactLocal): ContactState {
    const key = lookKey(this.#presenceOf(contact).look);
    return { key, base: undefined, told: undefined, remaining: undefined, lastSaid: undefined };
  }

  #presenceOf(contact: ContactLocal): Presence {
    return this.#withdrawn ? UNKNOWN : this.#options.presenceOf(contact);
  }

  #isWaiting(contact: ContactLocal): boolean {
    return this.#fresh.has(contact) || this.#repeats.some((lane) => lane.has(contact));
  }

  #tell(state: ContactState, watcher: BareJid, key: string): void {
    if (key === state.base) state.told?.delete(watcher);
    else {
      state.told ??= new Map();
      state.told.set(watcher, key);
    }
  }

  #allTold(contact: ContactLocal, state: ContactState, key: string): void {
    state.base = key;
    state.told = undefined;
    state.remaining = undefined;
    if (state.lastSaid === key) return;
    state.lastSaid = key;
    this.#scheduleSave(contact);
  }

  #scheduleSave(contact: ContactLocal): void {
    this.#unsaved.add(contact);
    this.#saveTimer ??= this.#options.clock.after(SAVE_PAUSE, () => void this.#save());
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
        const utterances = this.#fill(room);
        // Offline: the next connection begins with everything.
        if (utterances.length > 0 && !wire.say(utterances)) continue;
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
    return this.#fresh.size > 0 || this.#repeats.some((lane) => lane.size > 0);
  }

  #fill(room: number): Utterance[] {
    const utterances: Utterance[] = [];
    this.#drain(this.#fresh, room, utterances);
    const most = Math.min(room, utterances.length + this.#repeatTokens.available());
    const before = utterances.length;
    for (const lane of this.#repeats) this.#drain(lane, most, utterances);
    this.#repeatTokens.take(utterances.length - before);
    return utterances;
  }

  /** Moves utterances from a lane until there are `most`; contacts with many watchers take turns. */
  #drain(lane: Set<ContactLocal>, most: number, utterances: Utterance[]): void {
    // One iterator: it passes what is deleted, and comes to what is added at the end.
    for (const contact of lane) {
      if (utterances.length >= most) return;
      lane.delete(contact);
      const state = this.#contacts.get(contact);
      if (state === undefined) continue;
      if (this.#takeTurn(contact, state, Math.min(most, utterances.length + TURN), utterances)) {
        this.#allTold(contact, state, state.key);
      } else lane.add(contact);
    }
  }

  /** @returns whether all watchers of the contact have been told */
  #takeTurn(contact: ContactLocal, state: ContactState, most: number, utterances: Utterance[]): boolean {
    const presence = this.#presenceOf(contact);
    const key = lookKey(presence.look);
    if (key !== state.key) {
      state.key = key;
      state.remaining = undefined;
    }
    state.remaining ??= [...this.#options.watchersOf(contact)];
    while (utterances.length < most) {
      const watcher = state.remaining.pop();
      if (watcher === undefined) return true;
      if ((state.told?.get(watcher) ?? state.base) === state.key) continue;
      utterances.push({ contact, to: watcher, presence });
      this.#tell(state, watcher, state.key);
    }
    return state.remaining.length === 0;
  }

  #save(): Promise<void> {
    this.#saveTimer?.cancel();
    this.#saveTimer = undefined;
    const { store, logger } = this.#options;
    const records: SaidRecord[] = [];
    const forgotten: ContactLocal[] = [];
    for (const contact of this.#unsaved) {
      const said = this.#contacts.get(contact)?.lastSaid;
      if (said === undefined) forgotten.push(contact);
      else records.push({ contact, said });
    }
    this.#unsaved.clear();
    this.#saving = this.#saving
      .then(async () => {
        if (records.length > 0) await store.saveSaid(records);
        if (forgotten.length > 0) await store.deleteSaid(forgotten);
      })
      .catch((error: unknown) => logger.error('What was said could not be saved', { error }));
    return this.#saving;
  }
}

/** In a meeting or away: what a wrong screen misleads with. */
function isEngaged(look: Look): boolean {
  return look.available && look.show !== undefined;
}

function repeatOrder(state: ContactState, look: Look): 0 | 1 | 2 {
  if (state.key !== state.lastSaid) return 0;
  return isEngaged(look) ? 1 : 2;
}
