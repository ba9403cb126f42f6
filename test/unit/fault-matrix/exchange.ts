// The Exchange that has the faults: the simulator, and the front before it; and who has calendars there.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { onTestFinished } from 'vitest';
import { basicCredentials } from '../../../adapters/ews/http/authentication.ts';
import type { EwsTransportOptions } from '../../../adapters/ews/http/ews-transport.ts';
import { HOUR, MINUTE } from '../../../component/runtime/clock.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { Front, type Tls } from './front.ts';
import { abandon } from './traffic.ts';

export const START = Date.UTC(2026, 2, 2, 9);
export const REQUEST_LIMIT = MINUTE;
/** The greatest answer that is read: with the usual 32 MiB every row of oversized answers would take seconds. */
const ANSWER_LIMIT = 2 * 1024 * 1024;

export const PEOPLE = ['alice', 'bob', 'carol', 'dave'] as const;
export type Person = (typeof PEOPLE)[number];
export const addressOf = (person: Person): string => `${person}@example.com`;

export type ExchangeOptions = {
  /** Over TLS, to this name, which is this machine. */
  readonly tls?: Tls & { readonly ca: string; readonly host: string };
  /** How many mailbox servers the simulator has. Default: 1 */
  readonly backends?: number;
  /** What has to be done before it opens. */
  readonly prepare?: () => void;
};

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** So much more is worth a look at what of it is garbage. */
const MUCH = 16 * 1024 * 1024;

function memoryInUse(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What answers say less than they should: of the busy entries, or of everything. */
export type Blur = 'nothing' | 'entries' | 'everything';

export class FaultyExchange {
  readonly clock: FakeClock;
  readonly simulator: ExchangeSimulator;
  readonly front: Front;
  /** How to get there. */
  readonly connection: Pick<EwsTransportOptions, 'url' | 'credentials' | 'ca' | 'limits' | 'clock'>;
  /** Whom the account may impersonate. */
  mayImpersonate: (mailbox: string) => boolean = () => true;
  /** Requests get no answer at present: nobody waits for one. */
  isHanging = false;
  blurred: Blur = 'nothing';
  /** The most memory that was seen in use, in bytes. */
  memoryPeak = 0;
  /** What was in use when it was last known how much of it is garbage. */
  #live: number | undefined;

  private constructor(clock: FakeClock, simulator: ExchangeSimulator, front: Front, tls: ExchangeOptions['tls']) {
    this.clock = clock;
    this.simulator = simulator;
    this.front = front;
    this.connection = {
      url: `${tls === undefined ? 'http://127.0.0.1' : `https://${tls.host}`}:${front.port}/EWS/Exchange.asmx`,
      credentials: basicCredentials('gateway', 'secret'),
      ca: tls?.ca,
      limits: { request: REQUEST_LIMIT, answerBytes: ANSWER_LIMIT },
      clock,
    };
    this.#fillCalendars();
  }

  /** For one test. */
  static async open({ tls, prepare, backends = 1 }: ExchangeOptions = {}): Promise<FaultyExchange> {
    prepare?.();
    abandon();
    const clock = new FakeClock(START);
    const impersonation = (mailbox: string): boolean => exchange.mayImpersonate(mailbox);
    const simulator = await startExchangeSimulator({ clock, impersonation, schemas: '', backends });
    onTestFinished(() => simulator.stop());
    const front = await Front.open(simulator.port, tls);
    onTestFinished(() => front.stop());
    const exchange = new FaultyExchange(clock, simulator, front, tls);
    return exchange;
  }

  /** Nothing is wrong any more. What hangs never gets its answer. */
  mend(): void {
    this.simulator.faults.clear();
    this.front.weather = {};
    this.blurred = 'nothing';
    if (this.isHanging) abandon();
    this.isHanging = false;
  }

  /** Looks how much memory is in use: after each step, and wherever much is sent. */
  noteMemory(): void {
    this.#live ??= memoryInUse();
    // How much of it is garbage is up to the engine, and newer ones let more of it lie.
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
