import type { CalendarSource, FreeBusyAnswer, Referral } from '../../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { ChangeFeed } from '../../../component/calendar/change-feed.ts';
import { RequestBudget } from '../../../component/calendar/request-budget.ts';
import { MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { Random } from '../random.ts';
import type { Exchange, Stage } from './exchange.ts';
import { homeAt, type Moment, type Outage, SERVERS, versionAt } from './plan.ts';

/** How long a request takes that is never answered. */
export const REQUEST_LIMIT = 30 * SECOND;
/** How long one takes that is, at most. */
export const SLOWEST_ANSWER = 8 * SECOND;
/** Hints that come, of those that should. */
const HEARD = 0.6;

/** Two Exchange servers in memory that answer from the plan's calendars, each a little later than it was asked. */
export function modelExchange(stage: Stage): Exchange {
  const { plan, now, clock } = stage;
  const random = new Random(plan.seed + 1);
  const feeds = SERVERS.map(() => new Feed());
  const sources: CalendarSource[] = SERVERS.map((_, server) => stage.observe(makeServer(server)));
  const numbers = new Map(plan.mailboxes.map(({ mailbox }, number) => [mailbox, number]));
  const numberOf = (mailbox: string): number => numbers.get(mailbox) ?? -1;
  const outageAt = (server: number, at: Moment): Outage | undefined =>
    plan.outages.find((outage) => outage.server === server && outage.from <= at && at < outage.to);
  const later = (delay: number): Promise<void> => new Promise((resolve) => void clock.after(delay, resolve));

  function makeServer(server: number): CalendarSource {
    const budget = new RequestBudget({ concurrency: 10, random: () => random.next() });
    return {
      ...{ name: SERVERS[server] ?? '', batchSize: 100, budget, changes: feeds[server] },
      freeBusy: (mailboxes) =>
        budget.run(clock, async () => {
          const before = outageAt(server, now());
          if (before?.trouble === 'hanging') await later(REQUEST_LIMIT);
          else await later(random.between(10, 100));
          // What changes from here on the answer does not know.
          const answers = mailboxes.map((mailbox) => answer(server, mailbox));
          await later(random.chance(0.05) ? random.between(0, SLOWEST_ANSWER - 100) : random.between(10, 150));
          const outage = before ?? outageAt(server, now());
          if (outage !== undefined) throw failure(outage);
          return answers;
        }),
    };
  }

  function answer(server: number, mailbox: string): FreeBusyAnswer | Referral {
    const planned = plan.mailboxes[numberOf(mailbox)];
    if (planned === undefined) return { mailbox, error: new CalendarSourceError('mailbox-not-found', 'unplanned') };
    const home = homeAt(planned, now());
    if (home !== server) return { mailbox, servedBy: sources[home] as CalendarSource };
    const error = planned.errors.find(({ from, to }) => from <= now() && now() < to);
    if (error !== undefined) return { mailbox, error: new CalendarSourceError(error.kind, 'as planned') };
    return { mailbox, periods: planned.versions[versionAt(planned, now())]?.calendar ?? [] };
  }

  /** Some of the hints are lost, all of them while the server is out of order; those that come are a little late. */
  function hintLater(mailbox: number, version: number): void {
    if (!random.chance(HEARD)) return;
    clock.after(random.between(0, 1_500), () => {
      const planned = plan.mailboxes[mailbox];
      if (planned === undefined) return;
      const home = homeAt(planned, now());
      if (outageAt(home, now()) !== undefined) return;
      if (feeds[home]?.hint(planned.mailbox)) stage.hinted(mailbox, planned.versions[version]?.from ?? 0);
    });
  }

  /** Hints without a change. */
  function hintInVain(): void {
    clock.after(random.between(0, MINUTE), () => {
      const planned = random.pick(plan.mailboxes);
      feeds[homeAt(planned, now())]?.hint(planned.mailbox);
      hintInVain();
    });
  }

  hintInVain();
  return {
    isReal: false,
    route: (mailbox) => sources[plan.mailboxes[numberOf(mailbox)]?.homes[0]?.server ?? 0],
    happen(event) {
      if (event.type === 'edited') hintLater(event.mailbox, event.version);
      // A feed that was cut off names everybody when it is well again: it does not know what it has missed.
      if (event.type === 'outage-over' && event.outage.trouble === 'hanging') feeds[event.outage.server]?.nameAll();
    },
    close: () => Promise.resolve(),
  };
}

function failure({ trouble, retryAfter }: Outage): CalendarSourceError {
  switch (trouble) {
    case 'throttled':
      return new CalendarSourceError('throttled', 'as planned', { retryAfter });
    case 'refused':
      return new CalendarSourceError('unauthorized', 'as planned');
    default:
      return new CalendarSourceError('unreachable', 'as planned');
  }
}

class Feed implements ChangeFeed {
  readonly #followed = new Set<string>();
  #onChange: (mailbox: string) => void = () => {};

  start(onChange: (mailbox: string) => void): void {
    this.#onChange = onChange;
  }

  follow(mailbox: string): void {
    this.#followed.add(mailbox);
  }

  unfollow(mailbox: string): void {
    this.#followed.delete(mailbox);
  }

  stop(): Promise<void> {
    this.#onChange = () => {};
    return Promise.resolve();
  }

  /** @returns whether somebody listens for it */
  hint(mailbox: string): boolean {
    if (!this.#followed.has(mailbox)) return false;
    this.#onChange(mailbox);
    return true;
  }

  nameAll(): void {
    for (const mailbox of [...this.#followed]) this.#onChange(mailbox);
  }
}
