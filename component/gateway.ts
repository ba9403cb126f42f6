import { AvailabilityCache } from './calendar/availability-cache.ts';
import type { CalendarRouter } from './calendar/calendar-source.ts';
import type { Paces } from './calendar/pace.ts';
import type { TimelineStore } from './calendar/timeline-store.ts';
import { WatchedCalendars } from './calendar/watched-calendars.ts';
import type { ContactLocal, Directory, Mailbox } from './directory/directory.ts';
import { type Presence, UNKNOWN } from './presence/presence.ts';
import { PresenceKeeper } from './presence/presence-keeper.ts';
import type { PresencePolicy } from './presence/presence-policy.ts';
import { PresencePublisher } from './presence/presence-publisher.ts';
import type { SaidStore } from './presence/said-store.ts';
import type { Clock } from './runtime/clock.ts';
import type { Logger } from './runtime/logger.ts';
import type { SubscriptionPolicy } from './subscription/subscription-policy.ts';
import type { SubscriptionStore } from './subscription/subscription-store.ts';
import { Subscriptions } from './subscription/subscriptions.ts';
import { ComponentConnection, type ComponentConnectionOptions } from './xmpp/component-connection.ts';
import { discoInfoHandler, discoItemsHandler } from './xmpp/disco.ts';
import { capsNode, entityAt } from './xmpp/entity.ts';
import { lastActivityHandler } from './xmpp/last-activity.ts';
import { messageHandler } from './xmpp/message-handler.ts';
import { pingHandler } from './xmpp/ping.ts';
import { presenceHandler } from './xmpp/presence-handler.ts';
import { ComponentPresenceWire } from './xmpp/presence-wire.ts';
import { StanzaRouter, type StanzaRouterOptions } from './xmpp/stanza-router.ts';
import { vcardHandler } from './xmpp/vcard.ts';
import { versionHandler } from './xmpp/version.ts';
import { WatcherVoice } from './xmpp/watcher-voice.ts';

export type GatewayOptions = Paces & {
  /** With a clock of its own: the network's waits are real ones, also where calendars are played fast. */
  readonly connection: Omit<ComponentConnectionOptions, 'logger' | 'random'>;
  /** Presences a second while everything is said again. */
  readonly repeatRate: number;
  /** The most time that a clean stop takes, in milliseconds. */
  readonly stopTimeout: number;
  /** Whether a clean stop withdraws what was said, or leaves it for the next start (an upgrade). */
  readonly onStop: 'withdraw' | 'keep';
  readonly window: { readonly past: number; readonly future: number };
  /** How long after the first hint of a change a mailbox is asked for, in milliseconds. */
  readonly coalesce: number;
  /** How long Exchange must deny a mailbox before its subscriptions end, in milliseconds. */
  readonly goneAfter: number;
  /** The age at which what is known of a mailbox no longer counts, in milliseconds; its server's configuration. */
  readonly staleAfterOf: (mailbox: Mailbox) => number;
  /** Presence should not say how old it is as long as all is well: mind the idle pace, which may last half as long again. */
  readonly presencePolicy: Omit<PresencePolicy, 'staleAfter'>;
  /** The language of `<status/>` without xml:lang. */
  readonly language: string;
  /** The priority of all presence (RFC 6121 §4.7.2.3): -128 to 127. Default: 0 */
  readonly priority?: number | undefined;
  readonly subscriptionPolicy: SubscriptionPolicy;
  readonly directory: Directory;
  readonly route: CalendarRouter;
  readonly store: SubscriptionStore & TimelineStore & SaidStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** The product's version (XEP-0092). */
  readonly version: string;
};

/** The gateway, whole: receives every port, builds the rest, starts it and stops it. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #connection: ComponentConnection;
  readonly #calendars: WatchedCalendars;
  readonly #keeper: PresenceKeeper;
  readonly #publisher: PresencePublisher;
  readonly #subscriptions: Subscriptions;
  readonly #router: StanzaRouter;
  readonly #voice: WatcherVoice;
  #stopping = false;

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { clock, logger, random, store, directory, language } = options;
    const { domain } = options.connection;
    const cache = new AvailabilityCache(clock);
    this.#connection = new ComponentConnection({ ...options.connection, logger, random });
    this.#calendars = new WatchedCalendars({
      ...{ cache, store, clock, logger, random },
      route: options.route,
      refresh: options.refresh,
      refreshNear: options.refreshNear,
      refreshIdle: options.refreshIdle,
      window: options.window,
      coalesce: options.coalesce,
      listener: {
        known: (mailbox) => {
          this.#keeper.look(mailbox);
          this.#subscriptions.answered(mailbox, 'known');
        },
        notFound: (mailbox, since) => {
          this.#subscriptions.answered(mailbox, 'not-found');
          if (clock.now() - since >= options.goneAfter) this.#subscriptions.gone(mailbox);
        },
      },
    });
    this.#keeper = new PresenceKeeper({
      ...{ clock, cache, logger },
      policy: { ...options.presencePolicy, staleAfter: options.staleAfterOf },
      onJump: (by) => this.#calendars.clockJumped(by),
      onLook: (mailbox, presence) => {
        for (const contact of this.#subscriptions.contactsOf(mailbox)) this.#publisher.changed(contact, presence);
      },
    });
    this.#publisher = new PresencePublisher({
      ...{ clock, logger, store },
      wire: new ComponentPresenceWire(this.#connection, { domain, language, priority: options.priority ?? 0 }),
      presenceOf: (contact) => this.#presenceOf(contact),
      watchersOf: (contact) => this.#subscriptions.watchersOf(contact),
      repeatRate: options.repeatRate,
    });
    this.#voice = new WatcherVoice(this.#connection, this.#publisher, domain);
    this.#subscriptions = new Subscriptions({
      ...{ store, directory, clock, logger },
      policy: options.subscriptionPolicy,
      mailboxes: {
        verdict: (mailbox) => this.#calendars.verdict(mailbox),
        hurry: (mailbox) => this.#calendars.hurry(mailbox),
        touched: (mailbox) => this.#calendars.touched(mailbox),
        begin: (mailbox) => {
          this.#calendars.begin(mailbox);
          // A calendar may still be in the cache: its transitions count from now on.
          this.#keeper.look(mailbox);
        },
        end: (mailbox) => {
          this.#calendars.end(mailbox);
          this.#keeper.forget(mailbox);
        },
      },
      voice: this.#voice,
    });
    const send: StanzaRouterOptions['send'] = (stanza) => void this.#connection.send(stanza);
    const nameOf = (contact: ContactLocal) => directory.nameOf(contact);
    this.#router = new StanzaRouter({
      ...{ domain, logger, send },
      iqHandlers: [
        pingHandler,
        versionHandler(options.version),
        lastActivityHandler(clock),
        discoItemsHandler,
        discoInfoHandler(entityAt, capsNode),
        vcardHandler(nameOf, (watcher, contact) => options.subscriptionPolicy.allows(watcher, contact)),
      ],
      onPresenceError: (from, condition) => this.#subscriptions.bounced(from.bare, condition),
      onMessage: messageHandler({
        ...{ clock, language, nameOf, send },
        isWatching: (watcher, contact) => this.#subscriptions.isWatching(contact, watcher),
        presenceOf: (contact) => this.#presenceOf(contact),
      }),
      onPresence: presenceHandler(this.#subscriptions, options.subscriptionPolicy, send),
    });
  }

  /** Reads what an earlier run left behind, then connects. @throws when the store cannot be read */
  async start(): Promise<void> {
    // Together: the store's thread reads one thing while another is being taken in here.
    const [said] = await Promise.all([this.#loadSaid(), this.#calendars.load(), this.#subscriptions.load()]);
    for (const contact of this.#subscriptions.contacts()) {
      const [watcher] = this.#subscriptions.watchersOf(contact);
      if (watcher === undefined) continue;
      this.#publisher.restore(contact, said.get(contact));
      said.delete(contact);
    }
    await this.#options.store.deleteSaid([...said.keys()]);
    this.#keeper.start();
    this.#calendars.start();
    // What is not answered yet holds back the reading.
    this.#connection.on('stanza', (stanza) => (this.#stopping ? undefined : this.#router.route(stanza)));
    this.#connection.on('online', () => {
      this.#voice.catchUp();
      this.#subscriptions.withdrawForbidden();
      this.#publisher.repeatAll();
    });
    this.#connection.start();
  }

  /** Tells the watchers, waits for what is under way, saves, disconnects: all within `stopTimeout`. */
  async stop(): Promise<void> {
    const { clock, logger, stopTimeout, onStop } = this.#options;
    const deadline = clock.now() + stopTimeout;
    const abort = new AbortController();
    const timeUp = new Promise<void>((resolve) => abort.signal.addEventListener('abort', () => resolve()));
    const timer = clock.after(stopTimeout, () => abort.abort());
    this.#stopping = true;
    this.#keeper.stop();
    await Promise.race([this.#subscriptions.stop(), timeUp]);
    // The servers' change feeds may take seconds to end: meanwhile the watchers are told.
    const calendarsStopped = this.#calendars.stop();
    if (onStop === 'withdraw') {
      // Offline nobody can be told; the log says how many that leaves.
      const signal = this.#connection.isOnline ? abort.signal : AbortSignal.abort();
      const remaining = await this.#publisher.withdrawAll(signal);
      if (remaining > 0) logger.warn('Contacts remain as they are on their watchers’ screens', { contacts: remaining });
    }
    await this.#connection.stop(Math.max(0, deadline - clock.now()));
    await Promise.race([Promise.all([this.#publisher.stop(), calendarsStopped]), timeUp]);
    timer.cancel();
  }

  async #loadSaid(): Promise<Map<ContactLocal, string>> {
    const said = new Map<ContactLocal, string>();
    for await (const records of this.#options.store.loadSaid()) {
      for (const record of records) said.set(record.contact, record.said);
    }
    return said;
  }

  #presenceOf(contact: ContactLocal): Presence {
    const mailbox = this.#subscriptions.mailboxOf(contact);
    return mailbox === undefined ? UNKNOWN : this.#keeper.presenceOf(mailbox);
  }
}
