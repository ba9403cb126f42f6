// The Exchange that has the faults: the simulator, and the front before it; and who has calendars there.

import { onTestFinished } from 'vitest';
import type { EwsCalendarSourceOptions } from '../../../adapters/ews/ews-calendar-source.ts';
import { basicCredentials, type Credentials } from '../../../adapters/ews/http/authentication.ts';
import { ntlmCredentials } from '../../../adapters/ews/ntlm/ntlm-credentials.ts';
import { oauthCredentials } from '../../../adapters/ews/oauth/oauth-credentials.ts';
import { HOUR, type Instant, MINUTE } from '../../../component/runtime/clock.ts';
import {
  type ExchangeSimulator,
  type ServerLimits,
  startExchangeSimulator,
} from '../../support/exchange-simulator/exchange-simulator.ts';
import type { Organisation } from '../../support/exchange-simulator/organisation.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { collectGarbage, memoryInUse } from '../../support/memory.ts';
import { Authority, CLIENT_ID, TENANT, trustInTokens } from './authority.ts';
import { Front, type Tls } from './front.ts';
import { abandon, type Hanging } from './traffic.ts';

export const START = Date.UTC(2026, 2, 2, 9);
export const REQUEST_LIMIT = MINUTE;
/** The greatest answer that is read: with the usual 32 MiB every row of oversized answers would take seconds. */
const ANSWER_LIMIT = 2 * 1024 * 1024;

export const PEOPLE = ['alice', 'bob', 'carol', 'dave'] as const;
export type Person = (typeof PEOPLE)[number];
export const addressOf = (person: Person): string => `${person}@example.com`;

/** In whose name an application asks. */
const SERVICE = 'service@example.com';

export type ExchangeOptions = {
  /** How one logs on. Default: basic */
  readonly scheme?: Credentials['scheme'];
  /** Of OAuth's tokens, in milliseconds. Default: one hour */
  readonly tokenLifetime?: number;
  /** Over TLS, to this name, which is this machine. */
  readonly tls?: Tls & { readonly ca: string; readonly host: string };
  /** Shared with other simulators. Default: its own */
  readonly organisation?: Organisation;
  /** How many mailbox servers the simulator has. Default: 1 */
  readonly backends?: number;
  /** What has to be done before it opens. */
  readonly prepare?: () => void;
};

/** So much more is worth a look at what of it is garbage. */
const MUCH = 16 * 1024 * 1024;

/** What answers say less than they should: of the busy entries, or of everything. */
export type Blur = 'nothing' | 'entries' | 'everything';

type Parts = {
  readonly tls: ExchangeOptions['tls'];
  readonly clock: FakeClock;
  readonly simulator: ExchangeSimulator;
  readonly front: Front;
  readonly authority: Authority | undefined;
  readonly scheme: Credentials['scheme'];
};

export class FaultyExchange {
  readonly clock: FakeClock;
  readonly simulator: ExchangeSimulator;
  readonly front: Front;
  /** How to get there. */
  readonly connection: Pick<
    EwsCalendarSourceOptions,
    'url' | 'credentials' | 'ca' | 'limits' | 'clock' | 'impersonate'
  >;
  /** Whom the account may impersonate. */
  mayImpersonate: (mailbox: string) => boolean = () => true;
  /** Which requests get no answer at present: nobody waits for one. */
  hanging: Hanging | undefined;
  blurred: Blur = 'nothing';
  /** The most memory that was seen in use, in bytes. */
  memoryPeak = 0;
  /** When it was asked something. */
  readonly askedAt: Instant[] = [];
  readonly #authority: Authority | undefined;
  readonly #usualLimits: ServerLimits;
  /** What was in use when it was last known how much of it is garbage. */
  #live: number | undefined;

  private constructor({ clock, simulator, front, authority, scheme, tls }: Parts) {
    this.clock = clock;
    this.simulator = simulator;
    this.front = front;
    front.onRequest = () => this.askedAt.push(clock.now());
    this.#authority = authority;
    this.#usualLimits = { ...simulator.limits };
    this.connection = {
      url: `${tls === undefined ? 'http://127.0.0.1' : `https://${tls.host}`}:${front.port}/EWS/Exchange.asmx`,
      credentials: credentialsFor(scheme, clock, authority),
      // An application has no mailbox of its own.
      impersonate: scheme === 'oauth' ? SERVICE : undefined,
      ca: tls?.ca,
      limits: { request: REQUEST_LIMIT, answerBytes: ANSWER_LIMIT },
      clock,
    };
    this.#fillCalendars();
  }

  /** For one test. */
  static async open(options: ExchangeOptions = {}): Promise<FaultyExchange> {
    const { tls, prepare, backends = 1, scheme = 'basic', tokenLifetime, organisation } = options;
    prepare?.();
    abandon();
    const clock = new FakeClock(START);
    const simulator = await startExchangeSimulator({
      ...{ clock, schemas: '', backends, ...(organisation && { organisation }) },
      ...{ authentication: [scheme === 'oauth' ? 'bearer' : scheme], oauth: trustInTokens },
      impersonation: (mailbox) => exchange.mayImpersonate(mailbox),
    });
    onTestFinished(() => simulator.stop());
    const front = await Front.open(simulator.port, tls);
    onTestFinished(() => front.stop());
    const authority = scheme === 'oauth' ? await Authority.open(clock, tokenLifetime) : undefined;
    onTestFinished(() => authority?.stop());
    const exchange = new FaultyExchange({ clock, simulator, front, authority, scheme, tls });
    return exchange;
  }

  /** Who gives the tokens, where there are some. */
  get authority(): Authority {
    if (this.#authority === undefined) throw new Error('Nobody uses tokens here');
    return this.#authority;
  }

  /** When something was asked, of Exchange or of the authority. */
  get allAskedAt(): readonly Instant[] {
    return [...this.askedAt, ...(this.#authority?.askedAt ?? [])];
  }

  /** Nothing is wrong any more. What hangs never gets its answer. */
  mend(): void {
    this.simulator.faults.clear();
    Object.assign(this.simulator.limits, this.#usualLimits);
    this.front.weather = {};
    if (this.#authority !== undefined) this.#authority.weather = {};
    this.blurred = 'nothing';
    if (this.hanging !== undefined) abandon();
    this.hanging = undefined;
  }

  /** Looks how much memory is in use: after each step, and wherever much is sent. */
  noteMemory(): void {
    this.#live ??= memoryInUse();
    if (memoryInUse() > this.#live + MUCH) {
      collectGarbage();
      this.#live = memoryInUse();
    }
    this.memoryPeak = Math.max(this.memoryPeak, memoryInUse());
  }

  /** Bob gets a meeting that lasts, and Carol's is cancelled. */
  changeCalendars(): void {
    const { calendars } = this.simulator;
    const now = this.clock.now();
    calendars.book(addressOf('bob'), { start: now - MINUTE, end: now + 12 * HOUR, status: 'Busy' });
    const [meeting] = calendars.entries(addressOf('carol'));
    if (meeting !== undefined) calendars.cancel(meeting.id);
  }

  /** Alice has one thing after the other, Bob little, Carol a long meeting, Dave somewhat. Nobody's calendar is empty. */
  #fillCalendars(): void {
    const { calendars } = this.simulator;
    calendars.addMailbox(SERVICE);
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
}

function credentialsFor(
  scheme: Credentials['scheme'],
  clock: FakeClock,
  authority: Authority | undefined,
): Credentials {
  switch (scheme) {
    case 'basic':
      return basicCredentials('gateway', 'secret');
    case 'ntlm':
      return ntlmCredentials('EXAMPLE\\gateway', 'secret', { channelBinding: false });
    case 'oauth': {
      const { url, ca } = authority ?? {};
      return oauthCredentials({
        ...{ tenant: TENANT, clientId: CLIENT_ID, secret: 'an application’s secret', authority: url, ca, clock },
      });
    }
  }
}
