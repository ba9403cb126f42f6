import type { BareJid } from '../subscription/subscription-store.ts';

/** In the place of a look's key, and equal to none: a watcher whose clients were told different things. */
const MIXED = '';

/**
 * What one contact shows, and which of its watchers have been told. Looks stand here by their keys.
 *
 * While all were told the same, that is all it holds; single watchers are noted only until the rest have been told.
 */
export class Telling {
  #key: string;
  /** What all watchers were told on this connection, the noted ones aside; undefined: not known, each is told. */
  #base: string | undefined;
  /** Watchers that were told something else. */
  #noted: Map<BareJid, string> | undefined;
  /** The watchers of this round that have not had their turn, the next one last; undefined: not begun. */
  #remaining: BareJid[] | undefined;
  /** What was last said to all on any connection, as far as the store remembers. */
  #lastSaid: string | undefined;

  constructor(key: string, lastSaid: string | undefined) {
    this.#key = key;
    this.#lastSaid = lastSaid;
  }

  /** What the contact shows now. */
  get key(): string {
    return this.#key;
  }

  get lastSaid(): string | undefined {
    return this.#lastSaid;
  }

  /** Whether nobody is known to have been told anything on this connection. */
  get isUntold(): boolean {
    return this.#base === undefined;
  }

  /** Whether every watcher was told this, as far as is known. */
  wereAllTold(key: string): boolean {
    return this.#base === key && !this.#noted?.size;
  }

  /** The contact shows something else: a new round begins. */
  show(key: string): void {
    if (key === this.#key) return;
    this.#key = key;
    this.#remaining = undefined;
  }

  /** A new connection: nobody knows what arrived of the old one. */
  startOver(): void {
    this.#base = undefined;
    this.#noted = undefined;
    this.#remaining = undefined;
  }

  /** Takes the next watcher who was not told what the contact shows, and counts as told; undefined: all were. */
  next(watchers: () => Iterable<BareJid>): BareJid | undefined {
    this.#remaining ??= [...watchers()];
    for (;;) {
      const watcher = this.#remaining.pop();
      if (watcher === undefined || !this.#wasTold(watcher)) {
        if (watcher !== undefined) this.note(watcher, this.#key);
        return watcher;
      }
    }
  }

  /** Whether every watcher of this round has had its turn. */
  get isThrough(): boolean {
    return this.#remaining?.length === 0;
  }

  /** The round is over. @returns whether this is news to the store */
  finish(): boolean {
    const isNews = this.#lastSaid !== this.#key;
    this.#base = this.#key;
    this.#lastSaid = this.#key;
    this.#noted = undefined;
    this.#remaining = undefined;
    return isNews;
  }

  /** A watcher was told out of turn. */
  note(watcher: BareJid, key: string): void {
    if (key === this.#base) this.#noted?.delete(watcher);
    else {
      this.#noted ??= new Map();
      this.#noted.set(watcher, key);
    }
  }

  /** One client of a watcher was told out of turn: unless all of them saw that already, they see different things now. */
  noteClient(watcher: BareJid, key: string): void {
    if ((this.#noted?.get(watcher) ?? this.#base) !== key) this.note(watcher, MIXED);
  }

  /** A watcher has left: a round that is under way must not reach it. */
  leave(watcher: BareJid): void {
    this.#noted?.delete(watcher);
    this.#remaining = this.#remaining?.filter((other) => other !== watcher);
  }

  #wasTold(watcher: BareJid): boolean {
    return (this.#noted?.get(watcher) ?? this.#base) === this.#key;
  }
}
