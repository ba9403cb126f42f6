import type { Mailbox } from '../../../component/directory/directory.ts';
import { HOUR, type Instant } from '../../../component/runtime/clock.ts';
import type { Affinity } from './subscribe.ts';

/** A subscription of a mailbox, and what leads to the server that keeps it. */
export type Held = { readonly mailbox: Mailbox; readonly id: string; readonly affinity: Affinity };

/** The mailboxes of a group, their subscriptions, and what has to be said about them. */
export class GroupMembers {
  readonly #members = new Map<Mailbox, Held | undefined>();
  readonly #held = new Map<string, Held>();
  /** Of these something may have gone unheard. */
  readonly #unheard = new Set<Mailbox>();
  /** How often the subscriptions of a member were lost alone, since when. */
  readonly #losses = new Map<Mailbox, { readonly since: Instant; readonly count: number }>();
  /** No stream has accepted these subscriptions yet. */
  readonly #fresh = new Set<string>();
  #anchor: Mailbox | undefined;

  get size(): number {
    return this.#members.size;
  }

  has(mailbox: Mailbox): boolean {
    return this.#members.has(mailbox);
  }

  get mailboxes(): Mailbox[] {
    return [...this.#members.keys()];
  }

  /** The subscriptions, in no order. */
  get held(): Held[] {
    return [...this.#held.values()];
  }

  get heldCount(): number {
    return this.#held.size;
  }

  /** The first of the alphabet when it was chosen, as long as it is a member; or who came after that by `passAnchor`. */
  get anchor(): Mailbox | undefined {
    if (this.#anchor === undefined || !this.#members.has(this.#anchor)) {
      this.#anchor = this.mailboxes.reduce<Mailbox | undefined>(
        (first, one) => (first && first < one ? first : one),
        undefined,
      );
    }
    return this.#anchor;
  }

  /** Makes the next of the alphabet the anchor. */
  passAnchor(): void {
    const { anchor, mailboxes } = this;
    if (anchor === undefined) return;
    const all = mailboxes.sort();
    this.#anchor = all[(all.indexOf(anchor) + 1) % all.length];
  }

  /** The members without a subscription, the anchor first. */
  get missing(): Mailbox[] {
    const { anchor } = this;
    const missing = this.mailboxes.filter((mailbox) => this.#members.get(mailbox) === undefined);
    return missing.sort((a, b) => Number(b === anchor) - Number(a === anchor));
  }

  mailboxOf(id: string): Mailbox | undefined {
    return this.#held.get(id)?.mailbox;
  }

  isFresh(id: string): boolean {
    return this.#fresh.has(id);
  }

  add(mailbox: Mailbox): void {
    if (!this.#members.has(mailbox)) this.#members.set(mailbox, undefined);
  }

  /** Takes a mailbox out; its subscription is for the caller to give back. */
  remove(mailbox: Mailbox): Held | undefined {
    const held = this.#members.get(mailbox);
    this.#members.delete(mailbox);
    this.#unheard.delete(mailbox);
    this.#losses.delete(mailbox);
    if (held === undefined) return undefined;
    this.#held.delete(held.id);
    this.#fresh.delete(held.id);
    return held;
  }

  /** The member has this subscription now; nothing was heard of it before. */
  subscribed(held: Held): void {
    const { mailbox, id } = held;
    this.#members.set(mailbox, held);
    this.#held.set(id, held);
    this.#fresh.add(id);
    this.#unheard.add(mailbox);
  }

  /** The server does not know the subscription any more. */
  forget(id: string): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.delete(id);
    this.#fresh.delete(id);
    this.#members.set(held.mailbox, undefined);
  }

  /** Counts that the member's subscription was lost though others were not: how often that was within an hour. */
  countLoss(mailbox: Mailbox, now: Instant): number {
    const { since, count } = this.#losses.get(mailbox) ?? { since: now, count: 0 };
    const isLately = since <= now && now - since < HOUR;
    const losses = isLately ? { since, count: count + 1 } : { since: now, count: 1 };
    this.#losses.set(mailbox, losses);
    return losses.count;
  }

  /** Takes all subscriptions away from the members; they are for the caller to give back. */
  takeHeld(): Held[] {
    const { held } = this;
    for (const { id } of held) this.forget(id);
    return held;
  }

  /** Nobody listened for a while. */
  missedSomething(): void {
    for (const { mailbox } of this.#held.values()) this.#unheard.add(mailbox);
  }

  /** A stream with all subscriptions has begun: returns of whom something may have gone unheard until now. */
  heard(): Mailbox[] {
    const unheard = [...this.#unheard];
    this.#unheard.clear();
    this.#fresh.clear();
    return unheard;
  }
}
