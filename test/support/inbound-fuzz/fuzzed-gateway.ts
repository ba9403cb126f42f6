import { setImmediate as turn } from 'node:timers/promises';
import type { FreeBusyAnswer } from '../../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { RuleDirectory } from '../../../component/directory/rule-directory.ts';
import { Gateway } from '../../../component/gateway.ts';
import type { Look, Show } from '../../../component/presence/presence.ts';
import { HOUR, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import type { LogFields, Logger } from '../../../component/runtime/logger.ts';
import { SubscriptionPolicy } from '../../../component/subscription/subscription-policy.ts';
import { FakeClock } from '../fake-clock.ts';
import { MemoryStore } from '../memory-store.ts';
import { plainRules } from '../presence-rules.ts';
import { ScriptedSource } from '../scripted-source.ts';
import type { FuzzServer } from './fuzz-server.ts';
import { CONTACTS, POLICY } from './watch-model.ts';

const START = Date.UTC(2026, 0, 5, 9);
const MAILBOXES = new Set(CONTACTS.values());

/** What the gateway logs when a stanza has led to something that nobody thought of. */
const FAULTS = new Set([
  'A stanza could not be handled',
  'A listener of the component connection failed',
  'A subscription change failed',
  'A subscription could not be saved',
  'The presence publisher failed',
]);

/** A whole gateway on a connection of its own, with an Exchange that has the model's contacts, and clocks by hand. */
export class FuzzedGateway {
  readonly clock = new FakeClock(START);
  readonly wire = new FakeClock(START);
  readonly store = new MemoryStore();
  /** What went wrong without a word to anybody but the log. */
  readonly faults: string[] = [];
  /** Why connections ended, and how often. */
  readonly ends = new Map<string, number>();
  isOnline = false;
  /** Milliseconds until the next connection, once the last one has ended. */
  retryIn: number | undefined;
  #gateway: Gateway | undefined;

  async start(server: FuzzServer): Promise<void> {
    const { clock, store, wire } = this;
    const source = new ScriptedSource(clock);
    source.answer = (mailbox) => answerFor(mailbox, clock.now());
    const look = (show?: Show): Look => ({ available: true, show, status: { en: show ?? 'here' } });
    const rules = plainRules({
      ...{ Free: look(), Tentative: look(), WorkingElsewhere: look(), Busy: look('dnd'), OOF: look('away') },
    });
    this.#gateway = new Gateway({
      connection: {
        ...{ host: '127.0.0.1', port: server.port, domain: server.domain, secret: server.secret },
        // So few that reading is held back now and then.
        ...{ clock: wire, inboundLimit: 16 },
      },
      // Little is said again at each of many thousand reconnections.
      ...{ repeatRate: 20, stopTimeout: 30 * SECOND, onStop: 'keep' },
      ...{ refresh: 5 * MINUTE, refreshNear: 2 * MINUTE, refreshIdle: 30 * MINUTE, coalesce: SECOND },
      ...{ staleAfterOf: () => HOUR, window: { past: HOUR, future: 48 * HOUR }, goneAfter: HOUR },
      presencePolicy: { rulesOf: () => rules, agedAfter: 45 * MINUTE },
      language: 'en',
      subscriptionPolicy: new SubscriptionPolicy(POLICY),
      directory: new RuleDirectory({
        ...{ rule: '{local}@example.com', domains: ['example.com'] },
        contacts: new Map([['boss', 'boss@hq.example']]),
      }),
      route: () => source,
      ...{ store, clock, logger: this.#logger(), random: () => 0.5, version: '1.0.0' },
    });
    await this.#gateway.start();
  }

  async stop(): Promise<void> {
    let isStopped = false;
    const stopped = this.#gateway?.stop().then(() => {
      isStopped = true;
    });
    for (let look = 0; !isStopped; look++) {
      await turn();
      // The server does not answer: then the limits are waited for.
      if (look > 1_000) for (const clock of [this.clock, this.wire]) clock.advance(100);
    }
    await stopped;
    this.retryIn = undefined;
    this.isOnline = false;
  }

  /** The rows of the database: contact and watcher. */
  async rows(): Promise<Set<string>> {
    const all = new Set<string>();
    for await (const rows of this.store.loadSubscriptions()) {
      for (const { contact, subscribed, pending } of rows) {
        for (const watcher of [...subscribed, ...pending]) all.add(`${contact} ${watcher}`);
      }
    }
    return all;
  }

  #logger(): Logger {
    const ended = (message: string, fields: LogFields = {}): void => {
      if (fields.retryIn !== undefined) {
        this.isOnline = false;
        this.retryIn = Number(fields.retryIn);
        this.ends.set(message, (this.ends.get(message) ?? 0) + 1);
      }
      if (FAULTS.has(message)) this.faults.push(`${message}: ${describe(fields.error)}`);
    };
    const info = (message: string): void => {
      if (message === 'Connected to the XMPP server') this.isOnline = true;
    };
    const logger: Logger = { debug: () => {}, info, warn: ended, error: ended, child: () => logger };
    return logger;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Known mailboxes are busy for ten minutes, then free for ten. */
function answerFor(mailbox: string, now: number): FreeBusyAnswer {
  if (!MAILBOXES.has(mailbox)) {
    return { mailbox, error: new CalendarSourceError('mailbox-not-found', 'There is no such mailbox') };
  }
  const first = Math.floor(now / (20 * MINUTE)) * 20 * MINUTE;
  return {
    mailbox,
    periods: Array.from({ length: 6 }, (_, i) => {
      const start = first + i * 20 * MINUTE;
      return { start, end: start + 10 * MINUTE, status: 'Busy' as const };
    }),
  };
}
