import type { Mailbox } from '../../../component/directory/directory.ts';

/** A subscription of a mailbox. */
export type Held = { readonly mailbox: Mailbox; readonly id: string };

/** The mailboxes of a group, their subscriptions, and what has to be said about them. */
export class GroupMembers {
  readonly #ids = new Map<Mailbox, string | undefined>();
  readonly #mailboxes = new Map<string, Mailbox>();
  /** Of these something may have gone unheard. */
  readonly #unheard = new Set<Mailbox>();
  /** No stream has accepted these subscriptions yet. */
  readonly #fresh = new Set<string>();
  #anchor: Mailbox | undefined;

  get size(): number {
    return this.#ids.size;
  }

  has(mailbox: Mailbox): boolean {
    return this.#ids.has(mailbox);
  }

  get mailboxes(): Mailbox[] {
    return [...this.#ids.keys()];
  }

  /** The subscriptions, in no order. */
  get held(): Held[] {
    return Array.from(this.#mailboxes, ([id, mailbox]) => ({ id, mailbox }));
  }

  get heldCount(): number {
    return this.#mailboxes.size;
  }

  /** The first of the alphabet, as long as it is a member. */
  get anchor(): Mailbox | undefined {
    if (this.#anchor === undefined || !this.#ids.has(this.#anchor)) {
      this.#anchor = this.mailboxes.reduce<Mailbox | undefined>(
        (first, one) => (first && first < one ? first : one),
        undefined,
      );
    }
    return this.#anchor;
  }

  /** The members without a subscription, the anchor first. */
  get missing(): Mailbox[] {
    const { anchor } = this;
    const missing = this.mailboxes.filter((mailbox) => this.#ids.get(mailbox) === undefined);
    return missing.sort((a, b) => Number(b === anchor) - Number(a === anchor));
  }

  mailboxOf(id: string): Mailbox | undefined {
    return this.#mailboxes.get(id);
  }

  isFresh(id: string): boolean {
    return this.#fresh.has(id);
  }

  add(mailbox: Mailbox): void {
    if (!this.#ids.has(mailbox)) this.#ids.set(mailbox, undefined);
  }

  /** Takes a mailbox out; its subscription is for the caller to give back. */
  remove(mailbox: Mailbox): Held | undefined {
    const id = this.#ids.get(mailbox);
    this.#ids.delete(mailbox);
    this.#unheard.delete(mailbox);
    if (id === undefined) return undefined;
    this.#mailboxes.delete(id);
    this.#fresh.delete(id);
    return { mailbox, id };
  }

  /** The member has this subscription now; nothing was heard of it before. */
  subscribed({ mailbox, id }: Held): void {
    this.#ids.set(mailbox, id);
    this.#mailboxes.set(id, mailbox);
    this.#fresh.add(id);
    this.#unheard.add(mailbox);
  }

  /** The server does not know the subscription any more. */
  forget(id: string): void {
    const mailbox = this.#mailboxes.get(id);
    if (mailbox === undefined) return;
    this.#mailboxes.delete(id);
    this.#fresh.delete(id);
    this.#ids.set(mailbox, undefined);
  }

  /** Nobody listened for a while. */
  missedSomething(): void {
    for (const mailbox of this.#mailboxes.values()) this.#unheard.add(mailbox);
  }

  /** A stream with all subscriptions has begun: returns of whom something may have gone unheard until now. */
  heard(): Mailbox[] {
    const unheard = [...this.#unheard];
    this.#unheard.clear();
    this.#fresh.clear();
    return unheard;
  }
}
