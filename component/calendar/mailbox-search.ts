import type { Mailbox } from '../directory/directory.ts';
import type { Instant } from '../runtime/clock.ts';
import type { CalendarRouter, CalendarSource } from './calendar-source.ts';
import type { CalendarSourceError } from './calendar-source-error.ts';

/** A mailbox that is not, or was not, where it belongs by the configuration. */
type Search = {
  /** The configured source that it is looked for at, or was found by. */
  at: CalendarSource;
  /** The name of the source that does not have it any more. */
  from: string;
  /** What is to be told of it if nobody has it. */
  refusal: CalendarSourceError;
  isFound: boolean;
  /** How often all were asked in vain. */
  rounds: number;
};

/** Who is asked next for a mailbox. */
export type NextStep = {
  readonly source: CalendarSource;
  /** How often all were asked in vain, where that is known with this step; else 0. */
  readonly rounds: number;
  /** What is to be told of the mailbox then; never that it does not exist. */
  readonly refusal: CalendarSourceError;
};

/**
 * Looks for mailboxes that have moved: one that its source denies having is asked for at the others that may have it by
 * their own rules, one after the other, and then at the first again.
 *
 * A source that comes after the first can only say that it has the mailbox. That it knows no such mailbox does not mean
 * that there is none, and where it gives no answer the search goes on.
 */
export class MailboxSearch {
  readonly #route: CalendarRouter;
  readonly #searches = new Map<Mailbox, Search>();

  constructor(route: CalendarRouter) {
    this.#route = route;
  }

  /**
   * The mailbox's source has failed for it.
   *
   * @param asked the name of the source, which may be one that a configured one has referred to
   * @returns undefined when it is to be asked there again: that is how it is, or there is no other
   */
  failed(mailbox: Mailbox, error: CalendarSourceError, asked: string, now: Instant): NextStep | undefined {
    const search = this.#searches.get(mailbox);
    // Of all failures, nearly all are none that a search begins with.
    if (search === undefined && error.kind !== 'wrong-server') return undefined;
    const first = this.#route(mailbox);
    const at = search?.at ?? first;
    if (first === undefined || at === undefined) return undefined;
    if (error.kind !== 'wrong-server' && (at === first || !isOver(search, error))) return undefined;
    const source = this.#next(mailbox, at, first, now);
    if (source === undefined) return undefined;
    const begins = search === undefined || search.isFound;
    const rounds = begins ? 0 : search.rounds + (source === first ? 1 : 0);
    const from = begins ? asked : search.from;
    // Who knows the mailbox and gives nothing, or no answer at all, says more than those who do not have it.
    const isTelling = error.kind !== 'wrong-server' && error.kind !== 'mailbox-not-found';
    const refusal = begins || at === first || isTelling ? error : search.refusal;
    this.#searches.set(mailbox, { at: source, from, refusal, isFound: false, rounds });
    return { source, rounds: source === first ? rounds : 0, refusal };
  }

  /** The mailbox's source has its calendar. @returns the name of the one that had it before, when that is news */
  found(mailbox: Mailbox): string | undefined {
    const search = this.#searches.get(mailbox);
    if (search === undefined || search.isFound) return undefined;
    if (search.at === this.#route(mailbox)) {
      this.#searches.delete(mailbox);
      return undefined;
    }
    search.isFound = true;
    search.rounds = 0;
    return search.from;
  }

  forget(mailbox: Mailbox): void {
    this.#searches.delete(mailbox);
  }

  /** The next source that can be asked now; the first of all counts as one. */
  #next(mailbox: Mailbox, at: CalendarSource, first: CalendarSource, now: Instant): CalendarSource | undefined {
    let next = this.#route(mailbox, at);
    while (next !== undefined && next !== at && next !== first) {
      if (next.budget.closedBy === undefined && next.budget.notBefore <= now) return next;
      next = this.#route(mailbox, next);
    }
    return next === at ? undefined : next;
  }
}

/** Whether a mailbox that is not at the first of its sources goes on: any failure says that it is not to be found there. */
function isOver(search: Search | undefined, { kind }: CalendarSourceError): boolean {
  return search?.isFound !== true || kind === 'mailbox-not-found';
}
