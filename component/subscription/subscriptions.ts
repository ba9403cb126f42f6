import type { ContactLocal, Directory, Mailbox } from '../directory/directory.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { KeyedQueue } from './keyed-queue.ts';
import {
  type MailboxVerdict,
  type Permission,
  react,
  type Saying,
  type Standing,
  type SubscriptionEvent,
} from './subscription.ts';
import { SubscriptionIndex } from './subscription-index.ts';
import type { SubscriptionPolicy } from './subscription-policy.ts';
import type { BareJid, SubscriptionStore } from './subscription-store.ts';

/** Tells watchers, as a port. `to` is the watcher, or the client of it that probed. */
export interface SubscriptionVoice {
  say(saying: Saying, contact: ContactLocal, to: string): void;
  /** The contact has no subscribed watcher any more. */
  lastWatcherLeft(contact: ContactLocal): void;
}

/** What is known of mailboxes, as a port; from `begin` to `end` the mailbox is watched and Exchange is asked. */
export interface WatchedMailboxes {
  verdict(mailbox: Mailbox): MailboxVerdict;
  begin(mailbox: Mailbox): void;
  end(mailbox: Mailbox): void;
}

export type SubscriptionsOptions = {
  readonly store: SubscriptionStore;
  readonly directory: Directory;
  readonly policy: SubscriptionPolicy;
  readonly mailboxes: WatchedMailboxes;
  readonly voice: SubscriptionVoice;
  readonly clock: Clock;
  readonly logger: Logger;
};

/** Changes under way at once; beyond it requests are dropped: servers repeat a pending subscribe at each log-in. */
const MAX_UNDER_WAY = 20_000;

/**
 * Who watches whom. Each event of a watcher is decided, made durable and answered before the watcher's next one
 * begins; what could not be made durable is not answered.
 */
export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #index = new SubscriptionIndex();
  readonly #contactsOf = new Map<Mailbox, Set<ContactLocal>>();
  readonly #queue = new KeyedQueue(MAX_UNDER_WAY);

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  /** Reads all subscriptions; call once, before anything else. */
  async load(): Promise<void> {
    for await (const rows of this.#options.store.loadSubscriptions()) {
      for (const { contact, watcher, state } of rows) this.#set(contact, watcher, state);
    }
  }

  subscribe(contact: ContactLocal, watcher: BareJid): void {
    this.#schedule(contact, watcher, watcher, () => this.#request('subscribe', contact, watcher));
  }

  unsubscribe(contact: ContactLocal, watcher: BareJid): void {
    this.#schedule(contact, watcher, watcher, () => ({ type: 'unsubscribe' }));
  }

  /** @param client the full JID that probed: it is the one that gets the presence */
  probe(contact: ContactLocal, watcher: BareJid, client: string): void {
    this.#schedule(contact, watcher, client, () => this.#request('probe', contact, watcher));
  }

  /** Exchange has spoken about a mailbox: who waited for that is answered. */
  answered(mailbox: Mailbox, verdict: 'known' | 'not-found'): void {
    for (const contact of this.contactsOf(mailbox)) {
      for (const watcher of this.#index.watchers(contact, 'pending')) {
        this.#schedule(contact, watcher, watcher, () => ({ type: 'answer', mailbox: verdict }));
      }
    }
  }

  /** The mailbox will not come back: every subscription to it ends. */
  gone(mailbox: Mailbox): void {
    for (const contact of this.contactsOf(mailbox)) {
      for (const watcher of [
        ...this.#index.watchers(contact, 'subscribed'),
        ...this.#index.watchers(contact, 'pending'),
      ]) {
        this.#schedule(contact, watcher, watcher, () => ({ type: 'gone' }));
      }
    }
  }

  /** Resolves when everything under way is durable and answered, or could not be. */
  settled(): Promise<void> {
    return this.#queue.idle();
  }

  /** Contacts with at least one watcher, pending or subscribed, that show the mailbox. */
  contactsOf(mailbox: Mailbox): Iterable<ContactLocal> {
    return this.#contactsOf.get(mailbox) ?? [];
  }

  contacts(): Iterable<ContactLocal> {
    return this.#index.contacts();
  }

  /** The watchers that are told the contact's presence. */
  watchersOf(contact: ContactLocal): Iterable<BareJid> {
    return this.#index.watchers(contact, 'subscribed');
  }

  #request(type: 'subscribe' | 'probe', contact: ContactLocal, watcher: BareJid): SubscriptionEvent {
    const { directory, mailboxes } = this.#options;
    const mailbox = directory.mailboxOf(contact);
    if (mailbox === undefined) return { type, permission: 'no', mailbox: 'not-found' };
    return { type, permission: this.#permission(contact, watcher), mailbox: mailboxes.verdict(mailbox) };
  }

  #permission(contact: ContactLocal, watcher: BareJid): Permission {
    const { policy } = this.#options;
    if (!policy.allows(watcher, contact)) return 'no';
    return this.#index.count(watcher) < policy.maxSubscriptions ? 'yes' : 'full';
  }

  #schedule(contact: ContactLocal, watcher: BareJid, to: string, event: () => SubscriptionEvent): void {
    const { logger } = this.#options;
    const accepted = this.#queue.add(watcher, async () => {
      try {
        await this.#handle(contact, watcher, to, event());
      } catch (error) {
        logger.error('A subscription change failed', { contact, watcher, error });
      }
    });
    if (!accepted) logger.warn('Too many subscription changes at once: one is dropped', { contact, watcher });
  }

  async #handle(contact: ContactLocal, watcher: BareJid, to: string, event: SubscriptionEvent): Promise<void> {
    const { voice, logger } = this.#options;
    const before = this.#index.standing(contact, watcher);
    const { standing, say } = react(before, event);
    if (standing !== before) {
      try {
        await this.#save(contact, watcher, standing);
      } catch (error) {
        // Nothing is acknowledged that may be forgotten: the watcher's server will ask again.
        logger.error('A subscription could not be saved and is not answered', { contact, watcher, error });
        if (event.type === 'probe') voice.say('unavailable', contact, to);
        return;
      }
      this.#set(contact, watcher, standing);
      logger.info('Subscription changed', { contact, watcher, event: event.type, from: before, to: standing });
    }
    for (const saying of say)
      voice.say(saying, contact, saying === 'presence' || saying === 'unavailable' ? to : watcher);
    if (before === 'subscribed' && standing === 'none' && !this.#hasSubscribed(contact)) voice.lastWatcherLeft(contact);
  }

  #save(contact: ContactLocal, watcher: BareJid, standing: Standing): Promise<void> {
    const { store, clock } = this.#options;
    return standing === 'none'
      ? store.deleteSubscription({ contact, watcher })
      : store.saveSubscription({ contact, watcher, state: standing, since: clock.now() });
  }

  #hasSubscribed(contact: ContactLocal): boolean {
    return this.#index.watchers(contact, 'subscribed').next().done !== true;
  }

  /** Keeps the index, and with it which mailboxes are watched. */
  #set(contact: ContactLocal, watcher: BareJid, standing: Standing): void {
    const had = this.#index.hasContact(contact);
    this.#index.set(contact, watcher, standing);
    const has = this.#index.hasContact(contact);
    if (had === has) return;
    const mailbox = this.#options.directory.mailboxOf(contact);
    // A contact that the configuration no longer knows keeps its rows, and shows nothing.
    if (mailbox === undefined) return;
    if (has) this.#beginContact(mailbox, contact);
    else this.#endContact(mailbox, contact);
  }

  #beginContact(mailbox: Mailbox, contact: ContactLocal): void {
    const contacts = this.#contactsOf.get(mailbox);
    if (contacts !== undefined) {
      contacts.add(contact);
      return;
    }
    this.#contactsOf.set(mailbox, new Set([contact]));
    this.#options.mailboxes.begin(mailbox);
  }

  #endContact(mailbox: Mailbox, contact: ContactLocal): void {
    const contacts = this.#contactsOf.get(mailbox);
    contacts?.delete(contact);
    if (contacts?.size === 0) {
      this.#contactsOf.delete(mailbox);
      this.#options.mailboxes.end(mailbox);
    }
  }
}
