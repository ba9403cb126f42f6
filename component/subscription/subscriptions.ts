import type { ContactLocal, Directory, Mailbox } from '../directory/directory.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { BareJid } from './bare-jid.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { Retries } from './retries.ts';
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
import type { SubscriptionKey, SubscriptionState, SubscriptionStore } from './subscription-store.ts';
import { UnreachableWatchers } from './unreachable-watchers.ts';

/** Tells watchers, as a port. `to` is the watcher, or the client of it that probed. */
export interface SubscriptionVoice {
  say(saying: Saying, contact: ContactLocal, to: string): void;
  /** The contact has no subscribed watcher any more. */
  lastWatcherLeft(contact: ContactLocal): void;
}

/** What is known of mailboxes, as a port; from `begin` to `end` the mailbox is watched and Exchange is asked. */
export interface WatchedMailboxes {
  verdict(mailbox: Mailbox): MailboxVerdict;
  /** Somebody waits for Exchange's word about a mailbox that is watched already. */
  hurry(mailbox: Mailbox): void;
  /** Somebody who may has subscribed to a watched mailbox, or probed it. */
  touched(mailbox: Mailbox): void;
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

/** Changes under way at once. Requests of watchers hold back the reading long before; what Exchange says comes again. */
const MAX_UNDER_WAY = 20_000;
/**
 * Requests that could not be saved, and so are not answered, are tried again, so many of them: Prosody repeats a pending
 * subscribe at each log-in, ejabberd 23.01 never does (test/ejabberd/ejabberd-facts.test.ts).
 */
const MOST_UNSAVED = 20_000;

/**
 * Who watches whom. Each event of a watcher is decided, made durable and answered before the watcher's next one
 * begins; what could not be made durable is not answered, and tried again. README.md in this folder has the states.
 */
export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #index = new SubscriptionIndex();
  /** Of contacts with watchers, and the other way round: hardly a mailbox is shown by two. */
  readonly #mailboxOf = new Map<ContactLocal, Mailbox>();
  readonly #contactsOf = new Map<Mailbox, readonly ContactLocal[]>();
  readonly #forbidden = new Map<string, SubscriptionKey>();
  readonly #queue = new KeyedQueue(MAX_UNDER_WAY);
  readonly #unreachable: UnreachableWatchers;
  readonly #unsaved: Retries;
  readonly #undeleted: Retries;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
    this.#unreachable = new UnreachableWatchers(options.clock, (watcher) => this.#purge(watcher));
    const subscribe = ({ contact, watcher }: SubscriptionKey) => void this.subscribe(contact, watcher);
    this.#unsaved = new Retries(options.clock, subscribe, MOST_UNSAVED);
    this.#undeleted = new Retries(options.clock, (key) => this.#deleteAgain(key));
  }

  /**
   * Reads all subscriptions; call once, before anything else. Those that the policy has come to forbid are told
   * nothing more, and end when their watcher asks next: a mistake in the configuration must not wipe rosters.
   */
  async load(): Promise<void> {
    const { store, policy } = this.#options;
    for await (const contacts of store.loadSubscriptions()) {
      for (const { contact, subscribed, pending } of contacts) {
        this.#restore(contact, subscribed, 'subscribed');
        this.#restore(contact, pending, 'pending');
        for (const watcher of subscribed) {
          if (!policy.allows(watcher, contact)) this.#forbidden.set(keyOf(contact, watcher), { contact, watcher });
        }
      }
    }
  }

  /** A new connection: whom the policy has come to forbid, and who may have been told something before, is told the end. */
  withdrawForbidden(): void {
    for (const { contact, watcher } of this.#forbidden.values()) {
      this.#options.voice.say('unavailable', contact, watcher);
    }
  }

  /** Resolves, as the two below, when the request is durable and answered, or could not be. */
  subscribe(contact: ContactLocal, watcher: BareJid): Promise<void> {
    return this.#schedule(contact, watcher, watcher, () => this.#request('subscribe', contact, watcher));
  }

  /** Whether the watcher is told the contact's presence. */
  isWatching(contact: ContactLocal, watcher: BareJid): boolean {
    return this.#index.standing(contact, watcher) === 'subscribed' && this.#options.policy.allows(watcher, contact);
  }

  unsubscribe(contact: ContactLocal, watcher: BareJid): Promise<void> {
    return this.#schedule(contact, watcher, watcher, () => ({ type: 'unsubscribe' }));
  }

  /** @param client the full JID that probed: it is the one that gets the presence */
  probe(contact: ContactLocal, watcher: BareJid, client: string): Promise<void> {
    return this.#schedule(contact, watcher, client, () => this.#request('probe', contact, watcher));
  }

  /** Presence to the watcher has come back with an error (RFC 6120 §8.3.3). */
  bounced(watcher: BareJid, condition: string): void {
    if (this.#index.count(watcher) === 0 || !this.#unreachable.bounced(watcher, condition)) return;
    this.#options.logger.info('A watcher can’t be reached: it is told nothing until it asks again', {
      ...{ watcher, condition },
    });
  }

  /** Exchange has spoken about a mailbox: who waited for that is answered. */
  answered(mailbox: Mailbox, verdict: 'known' | 'not-found'): void {
    for (const contact of this.contactsOf(mailbox)) {
      for (const watcher of [...this.#index.watchers(contact, 'pending')]) {
        void this.#schedule(contact, watcher, watcher, () => this.#answer(contact, watcher, verdict));
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
        void this.#schedule(contact, watcher, watcher, () => ({ type: 'gone' }));
      }
    }
  }

  /** Resolves when everything under way is durable and answered, or could not be. */
  settled(): Promise<void> {
    return this.#queue.idle();
  }

  /** Ends, with everything under way. */
  async stop(): Promise<void> {
    const { store, logger } = this.#options;
    this.#unreachable.stop();
    await this.settled();
    // What was under way may have been the last to come here.
    this.#unsaved.stop();
    // The last chance: a row that stays comes back to life at the next start.
    const deleted = this.#undeleted.stop().map(async (key) => {
      if (this.#index.standing(key.contact, key.watcher) !== 'none') return;
      await store.deleteSubscription(key).catch((error: unknown) => {
        logger.error('A subscription that has ended is still in the database', { ...key, error });
      });
    });
    await Promise.all(deleted);
  }

  /** Contacts with at least one watcher, pending or subscribed, that show the mailbox. */
  contactsOf(mailbox: Mailbox): Iterable<ContactLocal> {
    return this.#contactsOf.get(mailbox) ?? [];
  }

  /** The mailbox that the contact shows; undefined: there is no such contact. */
  mailboxOf(contact: ContactLocal): Mailbox | undefined {
    return this.#mailboxOf.get(contact) ?? this.#options.directory.mailboxOf(contact);
  }

  contacts(): Iterable<ContactLocal> {
    return this.#index.contacts();
  }

  /** The watchers that are told the contact's presence, as they are until the next change. */
  watchersOf(contact: ContactLocal): readonly BareJid[] {
    const watchers = this.#index.watchers(contact, 'subscribed');
    if (this.#forbidden.size === 0 && this.#unreachable.isEmpty) return watchers;
    return watchers.filter(
      (watcher) => !this.#forbidden.has(keyOf(contact, watcher)) && !this.#unreachable.has(watcher),
    );
  }

  /** The watcher has been unreachable for so long that it will not come back. */
  #purge(watcher: BareJid): void {
    for (const contact of this.#index.contactsOf(watcher)) {
      void this.#schedule(contact, watcher, watcher, () => ({ type: 'unsubscribe' }));
    }
  }

  #request(type: 'subscribe' | 'probe', contact: ContactLocal, watcher: BareJid): SubscriptionEvent {
    const { mailboxes } = this.#options;
    this.#unreachable.heard(watcher);
    const mailbox = this.mailboxOf(contact);
    if (mailbox === undefined) return { type, permission: 'no', mailbox: 'not-found' };
    const verdict = mailboxes.verdict(mailbox);
    const permission = this.#permission(contact, watcher);
    // Not for strangers: who may watch nobody has no say in how often Exchange is asked.
    if (verdict === 'unanswered' && permission !== 'no') mailboxes.hurry(mailbox);
    return { type, permission, mailbox: verdict };
  }

  /** A policy that has changed since the request counts: then it is refused. */
  #answer(contact: ContactLocal, watcher: BareJid, verdict: 'known' | 'not-found'): SubscriptionEvent {
    const allowed = this.#options.policy.allows(watcher, contact);
    return { type: 'answer', mailbox: allowed ? verdict : 'not-found' };
  }

  #permission(contact: ContactLocal, watcher: BareJid): Permission {
    const { policy } = this.#options;
    if (!policy.allows(watcher, contact)) return 'no';
    return this.#index.count(watcher) < policy.maxSubscriptions ? 'yes' : 'full';
  }

  #schedule(contact: ContactLocal, watcher: BareJid, to: string, event: () => SubscriptionEvent): Promise<void> {
    const { logger } = this.#options;
    const handled = this.#queue.add(watcher, async () => {
      try {
        await this.#handle(contact, watcher, to, event());
      } catch (error) {
        logger.error('A subscription change failed', { contact, watcher, error });
      }
    });
    if (handled !== undefined) return handled;
    logger.warn('Too many subscription changes at once: one is dropped', { contact, watcher });
    return Promise.resolve();
  }

  async #handle(contact: ContactLocal, watcher: BareJid, to: string, event: SubscriptionEvent): Promise<void> {
    const { voice, logger } = this.#options;
    this.#unsaved.forget({ contact, watcher });
    const before = this.#index.standing(contact, watcher);
    const { standing, say } = react(before, event);
    if (standing !== before) {
      try {
        await this.#save(contact, watcher, standing);
      } catch (error) {
        logger.error('A subscription could not be saved', { contact, watcher, event: event.type, error });
        if (standing !== 'none') {
          // Nothing is acknowledged that may be forgotten. What Exchange says and probes come again by themselves.
          if (event.type === 'subscribe') this.#unsaved.add({ contact, watcher });
          if (event.type === 'probe') voice.say('unavailable', contact, to);
          return;
        }
        // Nobody asks again for an end. It counts from now on, and the row goes when the store is well again.
        this.#undeleted.add({ contact, watcher });
      }
      this.#set(contact, watcher, standing);
      logger.info('Subscription changed', { contact, watcher, event: event.type, from: before, to: standing });
    }
    if (standing !== 'none') this.#touch(contact, event);
    if (standing === 'none' && say.includes('unsubscribed')) this.#explainRefusal(contact, watcher, event);
    // A change is for all clients of the watcher; the one that probed is answered alone only where nothing changed.
    const whom = standing === before ? to : watcher;
    for (const saying of say) {
      voice.say(saying, contact, saying === 'presence' || saying === 'unavailable' ? whom : watcher);
    }
    if (before === 'subscribed' && standing === 'none' && !this.#hasSubscribed(contact)) voice.lastWatcherLeft(contact);
  }

  #touch(contact: ContactLocal, event: SubscriptionEvent): void {
    if (event.type !== 'subscribe' && event.type !== 'probe') return;
    const mailbox = this.mailboxOf(contact);
    if (mailbox !== undefined) this.#options.mailboxes.touched(mailbox);
  }

  /** The asker is told nothing that tells one reason from another; the administrator is. */
  #explainRefusal(contact: ContactLocal, watcher: BareJid, event: SubscriptionEvent): void {
    const { directory, logger, policy } = this.#options;
    const mailbox = directory.mailboxOf(contact);
    let reason = 'mailbox-not-found';
    if (mailbox === undefined) reason = 'no-such-contact';
    else if (event.type !== 'gone' && !policy.allows(watcher, contact)) reason = 'policy';
    else if ('permission' in event && event.permission === 'full') reason = 'too-many-subscriptions';
    logger.info('Subscription refused', { contact, mailbox, watcher, reason });
  }

  #deleteAgain({ contact, watcher }: SubscriptionKey): void {
    const handled = this.#queue.add(watcher, async () => {
      if (this.#index.standing(contact, watcher) !== 'none') return;
      await this.#options.store.deleteSubscription({ contact, watcher }).catch(() => {
        this.#undeleted.add({ contact, watcher });
      });
    });
    if (handled === undefined) this.#undeleted.add({ contact, watcher });
  }

  #save(contact: ContactLocal, watcher: BareJid, standing: Standing): Promise<void> {
    const { store, clock } = this.#options;
    return standing === 'none'
      ? store.deleteSubscription({ contact, watcher })
      : store.saveSubscription({ contact, watcher, state: standing, since: clock.now() });
  }

  #hasSubscribed(contact: ContactLocal): boolean {
    return this.#index.watchers(contact, 'subscribed').length > 0;
  }

  #restore(contact: ContactLocal, watchers: readonly BareJid[], state: SubscriptionState): void {
    if (watchers.length === 0) return;
    const had = this.#index.hasContact(contact);
    const impossible = this.#index.add(contact, watchers, state);
    if (impossible.length > 0) {
      this.#options.logger.error('Watchers in the database are no JIDs: they count for nothing', {
        contact,
        impossible,
      });
    }
    if (!had && this.#index.hasContact(contact)) this.#beginContact(contact);
  }

  /** Keeps the index, and with it which mailboxes are watched. */
  #set(contact: ContactLocal, watcher: BareJid, standing: Standing): void {
    this.#forbidden.delete(keyOf(contact, watcher));
    const had = this.#index.hasContact(contact);
    this.#index.set(contact, watcher, standing);
    const has = this.#index.hasContact(contact);
    if (has && !had) this.#beginContact(contact);
    if (had && !has) this.#endContact(contact);
  }

  #beginContact(contact: ContactLocal): void {
    const mailbox = this.#options.directory.mailboxOf(contact);
    // A contact that the configuration no longer knows shows nothing, and keeps its rows until their watchers ask next.
    if (mailbox === undefined) return;
    this.#mailboxOf.set(contact, mailbox);
    const contacts = this.#contactsOf.get(mailbox);
    this.#contactsOf.set(mailbox, contacts === undefined ? [contact] : [...contacts, contact]);
    if (contacts === undefined) this.#options.mailboxes.begin(mailbox);
  }

  #endContact(contact: ContactLocal): void {
    const mailbox = this.#mailboxOf.get(contact);
    if (mailbox === undefined) return;
    this.#mailboxOf.delete(contact);
    const contacts = this.#contactsOf.get(mailbox)?.filter((other) => other !== contact) ?? [];
    if (contacts.length > 0) this.#contactsOf.set(mailbox, contacts);
    else {
      this.#contactsOf.delete(mailbox);
      this.#options.mailboxes.end(mailbox);
    }
  }
}

function keyOf(contact: ContactLocal, watcher: BareJid): string {
  return `${contact}\n${watcher}`;
}
