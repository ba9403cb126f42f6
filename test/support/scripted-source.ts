import type { CalendarSource, FreeBusyAnswer, Referral } from '../../component/calendar/calendar-source.ts';
import type { CalendarSourceError } from '../../component/calendar/calendar-source-error.ts';
import type { ChangeFeed } from '../../component/calendar/change-feed.ts';
import { RequestBudget } from '../../component/calendar/request-budget.ts';
import type { Clock } from '../../component/runtime/clock.ts';

export type ScriptedSourceOptions = {
  readonly name?: string;
  readonly budget?: RequestBudget;
  readonly changes?: ChangeFeed;
};

/** A calendar source that does what a test wants, and remembers what it was asked. */
export class ScriptedSource implements CalendarSource {
  readonly name: string;
  readonly batchSize = 100;
  readonly budget: RequestBudget;
  readonly changes: ChangeFeed | undefined;
  readonly requests: { at: number; mailboxes: readonly string[] }[] = [];
  answer: (mailbox: string) => FreeBusyAnswer | Referral = (mailbox) => ({ mailbox, periods: [] });
  failure: CalendarSourceError | undefined;
  /** Answers wait for it. */
  hold: Promise<void> | undefined;
  readonly #clock: Clock;
  readonly #start: number;

  constructor(clock: Clock, { name = 'hq', budget, changes }: ScriptedSourceOptions = {}) {
    this.#clock = clock;
    this.#start = clock.now();
    this.name = name;
    this.budget = budget ?? new RequestBudget({ concurrency: 2, random: () => 0.5 });
    this.changes = changes;
  }

  /** When the mailbox was asked for, in milliseconds since the source was made. */
  askedFor(mailbox: string): number[] {
    return this.requests.filter(({ mailboxes }) => mailboxes.includes(mailbox)).map(({ at }) => at);
  }

  freeBusy(mailboxes: readonly string[]): Promise<readonly (FreeBusyAnswer | Referral)[]> {
    return this.budget.run(this.#clock, async () => {
      this.requests.push({ at: this.#clock.now() - this.#start, mailboxes });
      await this.hold;
      if (this.failure) throw this.failure;
      return mailboxes.map((mailbox) => this.answer(mailbox));
    });
  }
}

/** A change feed by hand, which writes down what it is told. */
export class ScriptedFeed implements ChangeFeed {
  readonly followed = new Set<string>();
  /** `start`, `stop`, in order. */
  readonly calls: string[] = [];
  /** The end of the feed waits for it. */
  ending: Promise<void> = Promise.resolve();
  hint: (mailbox: string) => void = () => {
    throw new Error('a hint before the feed was started');
  };

  start(onChange: (mailbox: string) => void): void {
    this.calls.push('start');
    this.hint = onChange;
  }

  follow(mailbox: string): void {
    this.followed.add(mailbox);
  }

  unfollow(mailbox: string): void {
    this.followed.delete(mailbox);
  }

  stop(): Promise<void> {
    this.calls.push('stop');
    return this.ending;
  }
}
