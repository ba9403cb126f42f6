// The whole gateway over real connections, with a clock of its own: hours of back-off pass in milliseconds, and after
// every step what the watcher sees is held against what there is to know.

import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import xml, { type Element } from '@xmpp/xml';
import { onTestFinished } from 'vitest';
import { createEwsCalendarSource } from '../../../adapters/ews/ews-calendar-source.ts';
import { systemClock } from '../../../adapters/runtime/system-clock.ts';
import type { BusyStatus } from '../../../component/calendar/busy-status.ts';
import type { CalendarRouter, CalendarSource } from '../../../component/calendar/calendar-source.ts';
import { RuleDirectory } from '../../../component/directory/rule-directory.ts';
import { Gateway } from '../../../component/gateway.ts';
import type { Look, Show } from '../../../component/presence/presence.ts';
import { DAY, HOUR, type Instant, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import type { Logger } from '../../../component/runtime/logger.ts';
import { SubscriptionPolicy } from '../../../component/subscription/subscription-policy.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { FakeComponentServer, until } from '../../support/fake-component-server.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { plainRules } from '../../support/presence-rules.ts';
import { type LogEntry, RecordingLogger } from '../../support/recording-logger.ts';
import { addressOf, type FaultyExchange, PEOPLE, type Person } from './exchange.ts';
import { settle, track } from './traffic.ts';

/** Timers that are due at one instant. */
const MOST_IN_PLACE = 1_000;

export const STALE_AFTER = 15 * MINUTE;
export const PACES = { refresh: 2 * MINUTE, refreshNear: 2 * MINUTE, refreshIdle: 5 * MINUTE };

/** What a watcher can see of a contact. */
export type View = 'available' | 'In a meeting' | 'Away' | 'unavailable';

/** What Exchange is asked for besides free/busy. */
export type Asked = { readonly notifications: boolean; readonly automaticReplies: boolean };

/** Several servers in place of the one. */
type Servers = { readonly route: CalendarRouter; close(): Promise<void> };

export type Wrong = { readonly after: string; readonly who: Person; readonly seen: View; readonly expected: View };

type Entry = { readonly start: Instant; readonly end: Instant; readonly status: BusyStatus };
type Known = { readonly at: Instant; readonly entries: readonly Entry[] };

export class House {
  readonly clock: FakeClock;
  readonly source: CalendarSource;
  readonly wrong: Wrong[] = [];
  /** The length of the last pause that the server's budget began. */
  budgetPause = 0;
  readonly #exchange: FaultyExchange;
  readonly #logger = new RecordingLogger();
  readonly #random = seeded(20_260_302);
  readonly #known = new Map<string, Known>();
  readonly #route: CalendarRouter;
  /** Sources, and what they are with a note of their answers. */
  readonly #observers = new Map<CalendarSource, CalendarSource>();
  readonly #views = new Map<Person, View>();
  readonly #histories = new Map<Person, string[]>();
  readonly #xmpp: FakeComponentServer;
  #read = 0;
  #notBefore: Instant = 0;
  #isStrict = false;
  #stepsInPlace = 0;

  private constructor(
    exchange: FaultyExchange,
    xmpp: FakeComponentServer,
    asked: Asked,
    openServers: ((logger: Logger) => Servers) | undefined,
  ) {
    this.#exchange = exchange;
    this.#xmpp = xmpp;
    this.clock = exchange.clock;
    const { route, close } = openServers?.(this.#logger) ?? this.#openServer(asked);
    onTestFinished(close);
    const originals = (observer: CalendarSource | undefined) =>
      [...this.#observers].find(([, one]) => one === observer)?.[0];
    this.#route = (mailbox, after) => this.#observed(route(mailbox, originals(after)) as CalendarSource);
    this.source = this.#route(addressOf('alice')) as CalendarSource;
  }

  #openServer(asked: Asked): Servers {
    const exchange = this.#exchange;
    const source = createEwsCalendarSource({
      ...exchange.connection,
      ...{ name: 'main', concurrency: 4, logger: this.#logger, random: this.#random },
      impersonation: asked.notifications,
      notifications: { mailboxes: asked.notifications ? 2000 : 0 },
      automaticReplies: asked.automaticReplies,
    });
    return { route: () => source, close: () => source.close() };
  }

  /** For one test; resolves when the watcher sees everyone, and Exchange listens where it shall. */
  static async open(exchange: FaultyExchange, asked: Asked, openServers?: (logger: Logger) => Servers): Promise<House> {
    const xmpp = await new FakeComponentServer().start();
    onTestFinished(() => xmpp.stop());
    const house = new House(exchange, xmpp, asked, openServers);
    await house.#start();
    return house;
  }

  /** What is on the watcher's screen. */
  view(person: Person): View | undefined {
    return this.#views.get(person);
  }

  /** What was on it, in order. */
  history(person: Person): readonly string[] {
    return this.#histories.get(person) ?? [];
  }

  /** The lines of the log with this in them. */
  said(text: string): readonly LogEntry[] {
    return this.#logger.entries.filter(({ message }) => message.includes(text));
  }

  /** When what is known of the mailbox was asked for. */
  knownSince(person: Person): Instant {
    return this.#known.get(addressOf(person))?.at ?? Number.NEGATIVE_INFINITY;
  }

  /** What the calendar says. */
  truth(person: Person): View {
    return viewOf(this.#exchange.simulator.calendars.entries(addressOf(person)), this.clock.now());
  }

  /** The pause that a group of notifications made last, in milliseconds. */
  get streamPause(): number {
    const pauses = this.#logger.entries.filter(({ fields }) => 'milliseconds' in fields && 'kind' in fields);
    return Number(
      pauses.findLast(({ message }) => /stream failed|notifications fail/.test(message))?.fields.milliseconds ?? 0,
    );
  }

  /** For how many mailboxes Exchange listens on connections that are open. */
  get listening(): number {
    return this.#exchange.simulator.notifications.streams.flat().length;
  }

  /** Lets time pass, and holds what is seen against what there is to know after every step. */
  async pass(duration: number): Promise<void> {
    const end = this.clock.now() + duration;
    while (this.clock.now() < end) await this.#step(end);
  }

  /** Lets time pass until something is so, at the most so long; whether it came to be. */
  async passUntil(isSo: () => boolean, most: number): Promise<boolean> {
    const end = this.clock.now() + most;
    while (!isSo()) {
      if (this.clock.now() >= end) return false;
      await this.#step(end);
    }
    return true;
  }

  async #step(end: Instant): Promise<void> {
    const before = this.clock.now();
    this.clock.advance(Math.min(this.clock.nextIn ?? SECOND, end - before));
    this.#stepsInPlace = this.clock.now() === before ? this.#stepsInPlace + 1 : 0;
    if (this.#stepsInPlace > MOST_IN_PLACE) throw new Error('A timer is due again and again, and time stands still');
    await turn();
    await settle(this.#exchange.hanging);
    this.#notePause();
    this.#exchange.noteMemory();
    this.#readStanzas();
    if (this.#isStrict) await this.#compare();
  }

  /** Stanzas are on their way for some turns of the event loop; what is still wrong after a second stays wrong. */
  async #compare(): Promise<void> {
    // One second is enough to find that something is wrong; it need not be waited for with each step.
    const looks = this.wrong.length === 0 ? 300 : 1;
    for (let look = 0; look < looks; look++) {
      if (PEOPLE.every((person) => this.view(person) === this.#expected(person))) return;
      if (look < 100) await turn();
      else await sleep(5);
      this.#readStanzas();
    }
    for (const who of PEOPLE) {
      const [seen, expected] = [this.view(who) ?? 'unavailable', this.#expected(who)];
      const after = new Date(this.clock.now()).toISOString().slice(11, 19);
      if (seen !== expected && this.wrong.length < 20) this.wrong.push({ after, who, seen, expected });
    }
  }

  /** By what Exchange last said, and had to say: no less, no more, and not for longer than it counts. */
  #expected(person: Person): View {
    const known = this.#known.get(addressOf(person));
    const now = this.clock.now();
    return known === undefined || now - known.at >= STALE_AFTER ? 'unavailable' : viewOf(known.entries, now);
  }

  #notePause(): void {
    const { notBefore } = this.source.budget;
    if (notBefore !== this.#notBefore && notBefore > this.clock.now()) this.budgetPause = notBefore - this.clock.now();
    this.#notBefore = notBefore;
  }

  #readStanzas(): void {
    const stanzas = this.#xmpp.streams[0]?.stanzas ?? [];
    for (; this.#read < stanzas.length; this.#read++) {
      const stanza = stanzas[this.#read] as Element;
      const person = PEOPLE.find((one) => String(stanza.attrs.from).startsWith(`${one}@`));
      const { type } = stanza.attrs;
      if (!stanza.is('presence') || person === undefined || (type !== undefined && type !== 'unavailable')) continue;
      const show = stanza.getChildText('show') ?? '';
      const view = type === undefined ? (views.get(show) ?? 'available') : 'unavailable';
      this.#views.set(person, view);
      const history = this.#histories.get(person) ?? [];
      history.push(view);
      this.#histories.set(person, history);
    }
  }

  /** The source, with a note of what Exchange knew when it gave an answer that was taken. */
  #observed(source: CalendarSource): CalendarSource {
    const known = this.#observers.get(source);
    if (known !== undefined) return known;
    const observer: CalendarSource = {
      ...source,
      freeBusy: async (mailboxes, window, signal) => {
        const at = this.clock.now();
        const before = mailboxes.map((mailbox) => this.#said(mailbox));
        const answers = await track(source.freeBusy(mailboxes, window, signal));
        for (const [i, answer] of answers.entries()) {
          if ('periods' in answer) this.#known.set(answer.mailbox, { at, entries: before[i] ?? [] });
        }
        return answers.map((answer) =>
          'servedBy' in answer ? { ...answer, servedBy: this.#observed(answer.servedBy) } : answer,
        );
      },
    };
    this.#observers.set(source, observer);
    return observer;
  }

  #said(mailbox: string): readonly Entry[] {
    const { calendars } = this.#exchange.simulator;
    const entries = calendars.access(mailbox) === undefined ? [] : calendars.entries(mailbox);
    if (this.#exchange.blurred === 'everything') return [{ start: 0, end: Number.POSITIVE_INFINITY, status: 'NoData' }];
    return this.#exchange.blurred === 'entries' ? entries.map((entry) => ({ ...entry, status: 'NoData' })) : entries;
  }

  async #start(): Promise<void> {
    const { clock } = this;
    const logger = this.#logger;
    const { port, domain, secret } = this.#xmpp;
    const look = (show?: Show): Look => ({ available: true, show, status: {} });
    const rules = plainRules({
      Free: look(),
      Tentative: look('xa'),
      WorkingElsewhere: look('chat'),
      Busy: look('dnd'),
      OOF: look('away'),
    });
    const gateway = new Gateway({
      connection: { ...{ host: '127.0.0.1', port, domain, secret }, clock: systemClock },
      ...{ repeatRate: 2000, stopTimeout: 30 * SECOND, onStop: 'keep' },
      ...PACES,
      ...{ coalesce: SECOND, staleAfterOf: () => STALE_AFTER, window: { past: HOUR, future: 48 * HOUR } },
      goneAfter: 7 * DAY,
      presencePolicy: {
        rulesOf: () => rules,
        agedAfter: 10 * MINUTE,
      },
      language: 'en',
      subscriptionPolicy: new SubscriptionPolicy({ domains: ['example.net'], rules: [], maxSubscriptions: 500 }),
      directory: new RuleDirectory({ rule: '{local}@example.com', domains: [], contacts: new Map() }),
      route: this.#route,
      ...{ clock, logger, store: new MemoryStore(), random: this.#random, version: '1.0.0' },
    });
    await gateway.start();
    onTestFinished(() => this.#stop(gateway));
    await until(() => this.#xmpp.streams[0]?.isAuthenticated === true, 'the handshake');
    for (const person of PEOPLE) {
      const stanza = xml('presence', { type: 'subscribe', from: 'romeo@example.net', to: `${person}@${domain}` });
      this.#xmpp.streams[0]?.send(stanza.toString());
    }
    const isReady = () =>
      PEOPLE.every((person) => this.view(person) !== undefined) &&
      (this.source.changes === undefined || this.listening === PEOPLE.length);
    for (let look = 0; look < 600 && !isReady(); look++) {
      await this.pass(100);
      if (look > 100) await sleep(1);
    }
    if (!isReady()) throw new Error('The house never came to be ready');
    this.#isStrict = true;
  }

  async #stop(gateway: Gateway): Promise<void> {
    let isStopped = false;
    this.#isStrict = false;
    const stopped = gateway.stop().then(() => {
      isStopped = true;
    });
    for (let look = 0; look < 400 && !isStopped; look++) {
      this.clock.advance(100);
      await settle(() => true);
    }
    await stopped;
  }
}

const views: ReadonlyMap<string, View> = new Map([
  ['dnd', 'In a meeting'],
  ['away', 'Away'],
]);

/** None of the entries overlap in a way that matters: the one that covers the instant and is not Free says it all. */
function viewOf(entries: readonly Entry[], at: Instant): View {
  const covering = entries.filter(({ start, end }) => start <= at && at < end);
  if (covering.some(({ status }) => status === 'NoData')) return 'unavailable';
  if (covering.some(({ status }) => status === 'OOF')) return 'Away';
  return covering.some(({ status }) => status === 'Busy') ? 'In a meeting' : 'available';
}

/** Mulberry32: the same numbers in each run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
