import type { ContactLocal } from '../directory/directory.ts';
import type { Standing } from './subscription.ts';
import type { BareJid, SubscriptionState } from './subscription-store.ts';

/** All subscriptions, in memory: by contact, and how many each watcher has. */
export class SubscriptionIndex {
  readonly #contacts = new Map<ContactLocal, Map<BareJid, SubscriptionState>>();
  readonly #counts = new Map<BareJid, number>();

  standing(contact: ContactLocal, watcher: BareJid): Standing {
    return this.#contacts.get(contact)?.get(watcher) ?? 'none';
  }

  /** How many contacts the watcher has asked for. */
  count(watcher: BareJid): number {
    return this.#counts.get(watcher) ?? 0;
  }

  hasContact(contact: ContactLocal): boolean {
    return this.#contacts.has(contact);
  }

  *watchers(contact: ContactLocal, state: SubscriptionState): Generator<BareJid> {
    for (const [watcher, itsState] of this.#contacts.get(contact) ?? []) if (itsState === state) yield watcher;
  }

  contacts(): IterableIterator<ContactLocal> {
    return this.#contacts.keys();
  }

  set(contact: ContactLocal, watcher: BareJid, standing: Standing): void {
    const before = this.standing(contact, watcher);
    if (standing === before) return;
    if (standing === 'none') this.#remove(contact, watcher);
    else {
      let watchers = this.#contacts.get(contact);
      if (watchers === undefined) {
        watchers = new Map();
        this.#contacts.set(contact, watchers);
      }
      watchers.set(watcher, standing);
      if (before === 'none') this.#counts.set(watcher, this.count(watcher) + 1);
    }
  }

  #remove(contact: ContactLocal, watcher: BareJid): void {
    const watchers = this.#contacts.get(contact);
    if (!watchers?.delete(watcher)) return;
    if (watchers.size === 0) this.#contacts.delete(contact);
    const left = this.count(watcher) - 1;
    if (left === 0) this.#counts.delete(watcher);
    else this.#counts.set(watcher, left);
  }
}
