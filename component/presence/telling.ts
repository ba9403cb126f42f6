import type { BareJid } from '../subscription/bare-jid.ts';

/** In the place of a look's key, and equal to none: a watcher whose clients were told different things. */
const MIXED = '';

/**
 * What one contact shows, and which of its watchers have been told. Looks stand here by their keys.
 *
 * While all were told the same, that is all it holds. A round, in which all are told, is a list of them and a place in
 * it; single watchers are noted only when they were told something out of turn, or when a round is broken off.
 */
export class Telling {
  #key: string;
  /** What all watchers were told on this connection, the noted ones aside; undefined: not known, each is told. */
  #base: string | undefined;
  /** Watchers that were told something else. */
  #noted: Map<BareJid, string> | undefined;
  /** The watchers of this round; undefined: not begun. Those before `#place` have had their turn. */
  #round: readonly BareJid[] | undefined;
  #place = 0;
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
    return this.#base === key && !this.#noted?.size && this.#place === 0;
  }

  /** The contact shows something else: a new round begins. */
  show(key: string): void {
    if (key === this.#key) return;
    this.#breakOff();
    this.#key = key;
  }

  /** A new connection: nobody knows what arrived of the old one. */
  startOver(): void {
    this.#base = undefined;
    this.#noted = undefined;
    this.#round = undefined;
    this.#place = 0;
  }

  /**
   * The next watchers, `most` of them, who were not told what the contact shows; they count as told.
   *
   * @param watchers all of them now; what it gives is not kept beyond this call
   */
  next(most: number, watchers: () => readonly BareJid[]): readonly BareJid[] {
    if (this.#round === undefined) {
      const all = watchers();
      const isShort = all.length <= most && this.#noted === undefined && this.#base !== this.#key;
      this.#round = isShort ? all : [...all];
      if (isShort) {
        this.#place = all.length;
        return all;
      }
    }
    const next: BareJid[] = [];
    while (next.length < most && this.#place < this.#round.length) {
      const watcher = this.#round[this.#place++] as BareJid;
      if (!this.#wasTold(watcher)) next.push(watcher);
    }
    return next;
  }

  /** Whether every watcher of this round has had its turn. */
  get isThrough(): boolean {
    return this.#round !== undefined && this.#place >= this.#round.length;
  }

  /** The round is over. @returns whether this is news to the store */
  finish(): boolean {
    const isNews = this.#lastSaid !== this.#key;
    this.#base = this.#key;
    this.#lastSaid = this.#key;
    this.#noted = undefined;
    this.#round = undefined;
    this.#place = 0;
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
    if (this.#round === undefined) return;
    const told = this.#round.slice(0, this.#place).filter((other) => other !== watcher);
    const rest = this.#round.slice(this.#place).filter((other) => other !== watcher);
    this.#round = [...told, ...rest];
    this.#place = told.length;
  }

  /** Whom the round has come to is noted, and there is none any more. */
  #breakOff(): void {
    for (let place = 0; place < this.#place; place++) this.note(this.#round?.[place] as BareJid, this.#key);
    this.#round = undefined;
    this.#place = 0;
  }

  #wasTold(watcher: BareJid): boolean {
    return (this.#noted?.get(watcher) ?? this.#base) === this.#key;
  }
}
