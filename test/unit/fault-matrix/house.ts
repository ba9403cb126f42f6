// The whole gateway over real connections, with a clock of its own: hours of back-off pass in milliseconds, and after
// every step what the watcher sees is held against what there is to know.

import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import xml, { type Element } from '@xmpp/xml';
import { onTestFinished } from 'vitest';
import { basicCredentials } from '../../../adapters/ews/authentication.ts';
import { createEwsCalendarSource } from '../../../adapters/ews/ews-calendar-source.ts';
import { systemClock } from '../../../adapters/runtime/system-clock.ts';
import type { BusyStatus } from '../../../component/calendar/busy-status.ts';
import type { CalendarSource } from '../../../component/calendar/calendar-source.ts';
import { RuleDirectory } from '../../../component/directory/rule-directory.ts';
import { Gateway } from '../../../component/gateway.ts';
import type { Look, Show } from '../../../component/presence/presence.ts';
import { DAY, HOUR, type Instant, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { SubscriptionPolicy } from '../../../component/subscription/subscription-policy.ts';
import { startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeComponentServer, until } from '../../support/fake-component-server.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { Front, type Tls } from './front.ts';
import { endedRequests, settle } from './traffic.ts';

export const START = Date.UTC(2026, 2, 2, 9);
export const STALE_AFTER = 15 * MINUTE;
export const PACES = { refresh: 2 * MINUTE, refreshNear: 2 * MINUTE, refreshIdle: 5 * MINUTE };
export const REQUEST_LIMIT = MINUTE;
/** The greatest answer that is read: with the usual 32 MiB every row of oversized answers would take seconds. */
export const ANSWER_LIMIT = 2 * 1024 * 1024;

const PEOPLE = ['alice', 'bob', 'carol', 'dave'] as const;
export type Person = (typeof PEOPLE)[number];
export const addressOf = (person: Person): string => `${person}@example.com`;

/** What a watcher can see of a contact. */
export type View = 'available' | 'In a meeting' | 'Away' | 'unavailable';

export type HouseOptions = {
  readonly streaming: boolean;
  /** Over TLS, to this name, which is this machine. */
  readonly tls?: Tls & { readonly ca: string; readonly host: string };
  /** How many mailbox servers the simulator has. Default: 1 */
  readonly backends?: number;
};

export type Wrong = { readonly after: string; readonly who: Person; readonly seen: View; readonly expected: View };

type Entry = { readonly start: Instant; readonly end: Instant; readonly status: BusyStatus };
type Known = { readonly at: Instant; readonly entries: readonly Entry[] };

export class House {
  readonly clock = new FakeClock(START);
  readonly logger = new RecordingLogger();
  readonly store = new MemoryStore();
  readonly simulator: Awaited<ReturnType<typeof startExchangeSimulator>>;
  readonly front: Front;
  readonly source: CalendarSource;
  readonly wrong: Wrong[] = [];
  /** Requests get no answer at present: nobody waits for one. */
  isHanging = false;
  /** What Exchange's answers say less than they should: the busy entries, or everything. */
  blurred: 'nothing' | 'entries' | 'everything' = 'nothing';
  /** The length of the last pause that the server's budget began. */
  budgetPause = 0;
  readonly #known = new Map<string, Known>();
  readonly #views = new Map<Person, View>();
  readonly #histories = new Map<Person, string[]>();
  readonly #xmpp: FakeComponentServer;
  #read = 0;
  #notBefore: Instant = 0;
  #isStrict = false;

  private constructor(
    simulator: House['simulator'],
    front: Front,
    xmpp: FakeComponentServer,
    openSource: (clock: FakeClock, logger: RecordingLogger) => CalendarSource,
  ) {
    this.simulator = simulator;
    this.front = front;
    this.#xmpp = xmpp;
    this.source = this.#observed(openSource(this.clock, this.logger));
  }

  static async open({ streaming, tls, backends = 1 }: HouseOptions): Promise<House> {
    const clock: { now?: FakeClock } = {};
    const now = (): FakeClock => clock.now as FakeClock;
    const simulator = await startExchangeSimulator({
      clock: { now: () => now().now(), after: (...timer) => now().after(...timer) },
      impersonation: true,
      schemas: '',
      backends,
    });
    onTestFinished(() => simulator.stop());
    const front = await Front.open(simulator.port, tls);
    onTestFinished(() => front.stop());
    const xmpp = await new FakeComponentServer().start();
    onTestFinished(() => xmpp.stop());
    const random = seeded(20_260_302);
    const house = new House(simulator, front, xmpp, (ownClock, logger) => {
      clock.now = ownClock;
      const source = createEwsCalendarSource({
        name: 'main',
        url: `${tls === undefined ? 'http://127.0.0.1' : `https://${tls.host}`}:${front.port}/EWS/Exchange.asmx`,
        credentials: basicCredentials('gateway', 'secret'),
        concurrency: 4,
        ...{ clock: ownClock, logger, random, ca: tls?.ca },
        limits: { request: REQUEST_LIMIT, answerBytes: ANSWER_LIMIT },
        impersonation: streaming,
        notifications: { mailboxes: streaming ? 2000 : 0 },
      });
      onTestFinished(() => source.close());
      return source;
    });
    house.#fillCalendars();
    await house.#start(random);
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

  /** When what is known of the mailbox was asked for. */
  knownSince(person: Person): Instant {
    return this.#known.get(addressOf(person))?.at ?? Number.NEGATIVE_INFINITY;
  }

  /** What the calendar says. */
  truth(person: Person): View {
    return viewOf(this.simulator.calendars.entries(addressOf(person)), this.clock.now());
  }

  /** The pause that a group of notifications made last, in milliseconds. */
  get streamPause(): number {
    const pauses = this.logger.entries.filter(({ fields }) => 'milliseconds' in fields && 'kind' in fields);
    return Number(pauses.findLast(({ message }) => /stream failed|notifications fail/.test(message))?.fields.milliseconds ?? 0);
  }

  /** For how many mailboxes Exchange listens on connections that are open. */
  get listening(): number {
    return this.simulator.notifications.streams.flat().length;
  }

  /** Bob gets a meeting that lasts, and Carol's is cancelled. */
  changeCalendars(): void {
    const { calendars } = this.simulator;
    const now = this.clock.now();
    calendars.book(addressOf('bob'), { start: now - MINUTE, end: now + 12 * HOUR, status: 'Busy' });
    const [meeting] = calendars.entries(addressOf('carol'));
    if (meeting !== undefined) calendars.cancel(meeting.id);
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
    const ended = endedRequests();
    this.clock.advance(Math.min(this.clock.nextIn ?? SECOND, end - this.clock.now()));
    await turn();
    await settle(this.isHanging);
    this.#notePause();
    this.#readStanzas();
    if (this.#isStrict) await this.#compare(ended !== endedRequests());
  }

  /** Stanzas are on their way for some turns of the event loop; what is still wrong after a second stays wrong. */
  async #compare(isBusy: boolean): Promise<void> {
    for (let look = 0; look < (isBusy ? 400 : 200); look++) {
      if (PEOPLE.every((person) => this.view(person) === this.#expected(person))) return;
      await sleep(look < 20 ? 0 : 5);
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
    return {
      ...source,
      freeBusy: async (mailboxes, window, signal) => {
        const at = this.clock.now();
        const before = mailboxes.map((mailbox) => this.#said(mailbox));
        const answers = await source.freeBusy(mailboxes, window, signal);
        for (const [i, answer] of answers.entries()) {
          if ('periods' in answer) this.#known.set(answer.mailbox, { at, entries: before[i] ?? [] });
        }
        return answers;
      },
    };
  }

  #said(mailbox: string): readonly Entry[] {
    const entries = this.simulator.calendars.entries(mailbox);
    if (this.blurred === 'everything') return [{ start: 0, end: Number.POSITIVE_INFINITY, status: 'NoData' }];
    return this.blurred === 'entries' ? entries.map((entry) => ({ ...entry, status: 'NoData' })) : entries;
  }

  /** Alice has one thing after the other, Bob little, Carol a long meeting, Dave somewhat. Nobody's calendar is empty. */
  #fillCalendars(): void {
    const { calendars } = this.simulator;
    for (const person of PEOPLE) {
      calendars.addMailbox(addressOf(person));
      calendars.book(addressOf(person), { start: START + 20 * HOUR, end: START + 21 * HOUR });
    }
    const rounds = [
      { person: 'alice', every: 9.5 * MINUTE, status: 'Busy', from: 2, until: 5.5 },
      { person: 'alice', every: 9.5 * MINUTE, status: 'OOF', from: 5.5, until: 7 },
      { person: 'dave', every: 17 * MINUTE, status: 'Busy', from: 8, until: 15 },
    ] as const;
    for (const { person, every, status, from, until: to } of rounds) {
      for (let at = START; at < START + 4 * HOUR; at += every) {
        calendars.book(addressOf(person), { start: at + from * MINUTE, end: at + to * MINUTE, status });
      }
    }
    calendars.book(addressOf('carol'), { start: START - HOUR, end: START + 12 * HOUR });
  }

  async #start(random: () => number): Promise<void> {
    const { clock, logger, store } = this;
    const { port, domain, secret } = this.#xmpp;
    const look = (show?: Show): Look => ({ available: true, show, status: {} });
    const gateway = new Gateway({
      connection: { ...{ host: '127.0.0.1', port, domain, secret }, clock: systemClock },
      ...{ repeatRate: 2000, stopTimeout: 30 * SECOND, onStop: 'keep' },
      ...PACES,
      ...{ coalesce: SECOND, staleAfterOf: () => STALE_AFTER, window: { past: HOUR, future: 48 * HOUR } },
      goneAfter: 7 * DAY,
      presencePolicy: {
        looks: { Free: look(), Tentative: look('xa'), WorkingElsewhere: look('chat'), Busy: look('dnd'), OOF: look('away') },
        agedAfter: 10 * MINUTE,
      },
      language: 'en',
      subscriptionPolicy: new SubscriptionPolicy({ domains: ['example.net'], rules: [], maxSubscriptions: 500 }),
      directory: new RuleDirectory({ rule: '{local}@example.com', domains: [], contacts: new Map() }),
      route: () => this.source,
      ...{ store, clock, logger, random, version: '1.0.0' },
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
      await sleep(0);
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
      await settle(true);
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
