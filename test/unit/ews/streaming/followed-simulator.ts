import { onTestFinished } from 'vitest';
import {
  createEwsCalendarSource,
  type EwsCalendarSourceOptions,
} from '../../../../adapters/ews/ews-calendar-source.ts';
import { basicCredentials } from '../../../../adapters/ews/http/authentication.ts';
import {
  type ExchangeSimulatorOptions,
  startExchangeSimulator,
} from '../../../support/exchange-simulator/exchange-simulator.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';

const start = Date.UTC(2026, 2, 2, 9);

export type FollowedOptions = {
  readonly simulator?: ExchangeSimulatorOptions;
  readonly source?: Partial<EwsCalendarSourceOptions>;
  readonly mailboxes?: number;
};

/** A source with notifications, its simulator, and one clock for both, in a test that moves it. */
export async function openFollowed(options: FollowedOptions = {}) {
  const clock = new FakeClock(start);
  const simulator = await startExchangeSimulator({ clock, impersonation: true, ...options.simulator });
  onTestFinished(() => simulator.stop());
  const logger = new RecordingLogger();
  const source = createEwsCalendarSource({
    name: 'main',
    url: simulator.url,
    credentials: basicCredentials('gateway', 'secret'),
    concurrency: 8,
    clock,
    logger,
    random: () => 0.5,
    impersonation: true,
    notifications: { mailboxes: options.mailboxes ?? 2000 },
    ...options.source,
  });
  onTestFinished(() => source.close());
  const { changes } = source;
  if (changes === undefined) throw new Error('The source has no change feed');
  /** What was named since it was last looked at. */
  let named: string[] = [];
  return {
    clock,
    simulator,
    source,
    changes,
    logger,
    /** Lets so much time pass, and what comes over the network in it arrive. */
    pass: (milliseconds: number) => pass(clock, milliseconds),
    /** Lets time pass until something is so; fails when it never is. */
    until: (isSo: () => boolean) => until(clock, isSo),
    start: () => changes.start((mailbox) => named.push(mailbox)),
    add: (...mailboxes: string[]) => {
      for (const mailbox of mailboxes) {
        simulator.calendars.addMailbox(mailbox);
        changes.follow(mailbox);
      }
    },
    book: (mailbox: string) =>
      simulator.calendars.book(mailbox, { start: clock.now() + 3_600_000, end: clock.now() + 7_200_000 }),
    takeNamed: () => {
      const taken = [...new Set(named)].sort();
      named = [];
      return taken;
    },
    /** How often the server was asked for an operation. */
    count: (operation: string) => simulator.requests.filter((request) => request.operation === operation).length,
    said: (level: string) => logger.entries.filter((entry) => entry.level === level).map(({ message }) => message),
  };
}

/** Follows mailboxes until the server listens for them all, and nothing more is to be said of that. */
export async function listening(mailboxes: readonly string[], options: FollowedOptions = {}) {
  const followed = await openFollowed(options);
  const { start, add, until, takeNamed } = followed;
  start();
  add(...mailboxes);
  const named = new Set<string>();
  await until(() => {
    for (const mailbox of takeNamed()) named.add(mailbox);
    return named.size === mailboxes.length;
  });
  return followed;
}

/** In steps, for what is due may have to go over the network before the next is. */
async function pass(clock: FakeClock, milliseconds: number): Promise<void> {
  const step = Math.min(5000, Math.max(50, milliseconds / 40));
  for (let left = milliseconds; left > 0; left -= step) {
    clock.advance(Math.min(step, left));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function until(clock: FakeClock, isSo: () => boolean): Promise<void> {
  for (let turn = 0; !isSo(); turn++) {
    if (turn === 2000) throw new Error('This never came to be');
    clock.advance(100);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

export function addresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `user${String(i).padStart(4, '0')}@example.com`);
}
