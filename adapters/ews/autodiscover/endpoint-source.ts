import type { CalendarSource, FreeBusyAnswer, Referral } from '../../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { ChangeFeed } from '../../../component/calendar/change-feed.ts';
import type { RequestBudget } from '../../../component/calendar/request-budget.ts';
import type { TimeWindow } from '../../../component/calendar/timeline.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import type { MailboxLocations } from './mailbox-locations.ts';

/** A calendar source that holds connections. */
export interface ClosableSource extends CalendarSource {
  close(): Promise<void>;
}

export type EndpointSourceOptions = {
  /** The server, asked directly. */
  readonly source: ClosableSource;
  readonly url: string;
  /** Who knows where the others are. */
  readonly finder: CalendarSource;
  readonly locations: MailboxLocations;
};

/** A server that Autodiscover has named: it sends back to the finder what it does not have, or has had for a day. */
export class EndpointSource implements ClosableSource {
  readonly name: string;
  readonly batchSize: number;
  readonly budget: RequestBudget;
  readonly changes: ChangeFeed | undefined;
  readonly #options: EndpointSourceOptions;

  constructor(options: EndpointSourceOptions) {
    const { name, batchSize, budget, changes } = options.source;
    this.name = name;
    this.batchSize = batchSize;
    this.budget = budget;
    this.changes = changes;
    this.#options = options;
  }

  async freeBusy(
    mailboxes: readonly Mailbox[],
    window: TimeWindow,
    signal: AbortSignal,
  ): Promise<readonly (FreeBusyAnswer | Referral)[]> {
    const { source, url, locations } = this.#options;
    const ours = mailboxes.filter((mailbox) => locations.current(mailbox)?.url === url);
    const answers = new Map<Mailbox, FreeBusyAnswer | Referral>();
    if (ours.length > 0) {
      const asked = await this.#ask(source, ours, window, signal);
      for (const answer of asked) answers.set(answer.mailbox, this.#checked(answer));
    }
    return mailboxes.map((mailbox) => answers.get(mailbox) ?? this.#back(mailbox));
  }

  close(): Promise<void> {
    return this.#options.source.close();
  }

  async #ask(source: CalendarSource, mailboxes: readonly Mailbox[], window: TimeWindow, signal: AbortSignal) {
    try {
      return await source.freeBusy(mailboxes, window, signal);
    } catch (error) {
      if (!isWrongServer(error)) throw error;
      if (mailboxes.length === 1) return mailboxes.map((mailbox) => ({ mailbox, error }));
      // Two that have moved are enough for that: who they are, Autodiscover knows.
      for (const mailbox of mailboxes) this.#options.locations.doubted(mailbox, this.#options.url);
      return mailboxes.map((mailbox) => this.#back(mailbox));
    }
  }

  #checked(answer: FreeBusyAnswer | Referral): FreeBusyAnswer | Referral {
    if (!('error' in answer) || !isDenial(answer.error)) return answer;
    this.#options.locations.denied(answer.mailbox, this.#options.url);
    return this.#back(answer.mailbox);
  }

  #back(mailbox: Mailbox): Referral {
    return { mailbox, servedBy: this.#options.finder };
  }
}

/** Who is not here may have moved, as some servers know and others don't: whether there is such a mailbox, says Autodiscover. */
function isDenial({ kind }: CalendarSourceError): boolean {
  return kind === 'wrong-server' || kind === 'mailbox-not-found';
}

function isWrongServer(error: unknown): error is CalendarSourceError {
  return error instanceof CalendarSourceError && error.kind === 'wrong-server';
}
