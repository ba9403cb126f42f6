import { LRUCache } from 'lru-cache';
import type { FreeBusyAnswer } from '../../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { RequestBudget } from '../../../component/calendar/request-budget.ts';
import type { TimeWindow } from '../../../component/calendar/timeline.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import { type Clock, HOUR, type Instant, MINUTE, SECOND, type Timer } from '../../../component/runtime/clock.ts';
import type { Logger } from '../../../component/runtime/logger.ts';
import { errorOfAnswer } from '../ews-error.ts';
import { withDeadline } from '../http/deadline.ts';
import type { EwsTransport } from '../http/ews-transport.ts';
import { isOfServer, SpareSlots } from '../spare-slots.ts';
import { SoapReader } from '../xml/soap.ts';
import { anchorHeaders } from '../xml/soap-envelope.ts';
import { GetMailTipsReader, type MailTip, writeGetMailTips } from './get-mail-tips.ts';
import { askOofSettings } from './oof-settings.ts';

export type AutomaticRepliesOptions = {
  readonly transport: EwsTransport;
  readonly budget: RequestBudget;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In whose name a message would be sent. Default: the first mailbox that is asked about. */
  readonly sendingAs?: Mailbox | undefined;
  /** Whether the account may act in the name of the mailboxes: then a schedule that the tips lack is looked up. */
  readonly impersonation: boolean;
};

/** What was last said of a mailbox. An end of Infinity: for as long as it is said. */
type Known = {
  readonly during: TimeWindow | undefined;
  /** When it was last said. */
  readonly saidAt: Instant;
  readonly askAgainAt: Instant;
  /** When the schedule that the tip lacks may be looked up again. */
  readonly lookUpAt: Instant;
};

const ASK_AGAIN = 10 * MINUTE;
/** The server was not ready with its answer, or is being asked right now. */
const ASK_SOON = MINUTE;
/** For so long what was last said holds though it can't be asked. */
const KEPT = HOUR;
/** Nothing is put off for longer; what seems to be was put off before the clock was set back. */
const LONGEST_DELAY = HOUR;
/** The default of MaxRecipientsPerGetMailTipsRequest. */
const MOST_RECIPIENTS = 50;
/** A size that was too large may have been the fault of one address: it is tried again. */
const GROW_PAUSE = HOUR;
/** Free/busy waits for the replies, but not for long. */
const LONGEST_WAIT = 10 * SECOND;
/** Nor for a slot that free/busy does not need: what is heard after that comes with a later answer. */
const LONGEST_WAIT_FOR_SLOT = SECOND;
const LONGEST_PAUSE = 10 * MINUTE;
/** The most schedules that are looked up at a time: each is a request. */
const MOST_SCHEDULES = 10;
/** A mailbox whose replies have no end, or that may not be impersonated, leaves the others their turn for so long. */
const LOOK_UP_AGAIN = HOUR;
/** All watched mailboxes of the greatest installations; more are only asked again sooner. */
const MOST_MAILBOXES = 250_000;

/**
 * Who has automatic replies on, and is out of office by that, whatever the calendar says.
 *
 * It is asked beside free/busy, at most every ten minutes for a mailbox, with what the server's budget has to spare.
 * Nothing that goes wrong here does free/busy any harm: what was last said holds for an hour. The replies' text is
 * neither kept nor logged.
 */
export class AutomaticReplies {
  readonly #options: AutomaticRepliesOptions;
  readonly #slots: SpareSlots;
  readonly #known = new LRUCache<Mailbox, Known>({ max: MOST_MAILBOXES });
  #recipients = MOST_RECIPIENTS;
  #growAt: Instant = 0;
  #failures = 0;
  #notBefore: Instant = 0;

  constructor(options: AutomaticRepliesOptions) {
    this.#options = options;
    this.#slots = new SpareSlots({ ...options, most: 2 });
  }

  /** Asks for those of the mailboxes that are due. Never rejects, and takes ten seconds at most. */
  async refresh(mailboxes: readonly Mailbox[], signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const now = clock.now();
    if (!isDue(this.#notBefore, now)) return;
    const due = mailboxes.filter((mailbox) => isDue(this.#known.peek(mailbox)?.askAgainAt ?? 0, now));
    if (due.length === 0) return;
    for (const mailbox of due) this.#know(mailbox, { askAgainAt: now + ASK_SOON });
    if (this.#recipients < MOST_RECIPIENTS && isDue(this.#growAt, now)) {
      this.#recipients = Math.min(MOST_RECIPIENTS, this.#recipients * 2);
      this.#growAt = now + GROW_PAUSE;
    }
    let hasAsked = false;
    const asking = this.#ask(due, signal, () => {
      hasAsked = true;
    });
    let timer: Timer | undefined;
    const isBehind = new Promise<void>((resolve) => {
      timer = clock.after(LONGEST_WAIT_FOR_SLOT, () => {
        if (!hasAsked) resolve();
      });
    });
    await Promise.race([asking, isBehind]);
    timer?.cancel();
  }

  /** The answer with the automatic replies in it, as a period out of office. */
  merge(answer: FreeBusyAnswer, window: TimeWindow): FreeBusyAnswer {
    if ('error' in answer) return answer;
    const known = this.#known.get(answer.mailbox);
    if (known?.during === undefined || Math.abs(this.#options.clock.now() - known.saidAt) > KEPT) return answer;
    const start = Math.max(known.during.start, window.start);
    const end = Math.min(known.during.end, window.end);
    if (!(start < end)) return answer;
    return { ...answer, periods: [...answer.periods, { start, end, status: 'OOF' }] };
  }

  /** Never rejects. */
  async #ask(mailboxes: readonly Mailbox[], signal: AbortSignal, onAsk: () => void): Promise<void> {
    const { clock } = this.#options;
    let hasAsked = false;
    const ask = (inTime: AbortSignal) =>
      this.#askAll(mailboxes, inTime, () => {
        hasAsked = true;
        onAsk();
      });
    try {
      // No CalendarSourceError: that others have waited long enough says nothing to the budget.
      await withDeadline({ clock, limit: LONGEST_WAIT, signal }, () => new Error('No mail tips in time'), ask);
      this.#succeeded();
    } catch (error) {
      // A server that had no slot to spare has done nothing wrong.
      if (hasAsked && !signal.aborted) this.#failed(error, clock.now());
    }
  }

  async #askAll(mailboxes: readonly Mailbox[], signal: AbortSignal, onAsk: () => void): Promise<void> {
    const unscheduled: Mailbox[] = [];
    const refused: Mailbox[] = [];
    const before = this.#recipients;
    let inRow = 0;
    for (let next = 0; next < mailboxes.length; ) {
      const some = mailboxes.slice(next, next + this.#recipients);
      try {
        const tips = await this.#slots.run(signal, () => {
          onAsk();
          return this.#askTips(some, signal);
        });
        for (const [i, tip] of tips.entries()) this.#heard(some[i] as Mailbox, tip, unscheduled);
        next += some.length;
        inRow = 0;
      } catch (error) {
        if (!mayBeTooMany(error)) throw error;
        if (some.length > 1) {
          this.#recipients = Math.ceil(some.length / 2);
          this.#growAt = this.#options.clock.now() + GROW_PAUSE;
          continue;
        }
        // One that is refused alone may have made the others fail; two in a row, and it is the operation.
        if (++inRow === Math.min(2, mailboxes.length)) throw error;
        refused.push(...some);
        next++;
        this.#recipients = before;
      }
    }
    for (const mailbox of refused) this.#know(mailbox, { askAgainAt: this.#options.clock.now() + LONGEST_DELAY });
    if (this.#options.impersonation) await this.#askSchedules(unscheduled.slice(0, MOST_SCHEDULES), signal);
  }

  async #askTips(mailboxes: readonly Mailbox[], signal: AbortSignal): Promise<MailTip[]> {
    const { transport, clock, sendingAs } = this.#options;
    const reader = new GetMailTipsReader();
    const soap = new SoapReader(reader);
    const body = writeGetMailTips(mailboxes, sendingAs ?? (mailboxes[0] as Mailbox), sendingAs);
    const answer = await transport.post({ body, headers: anchorHeaders(sendingAs), signal }, (text) =>
      soap.write(text),
    );
    const message = soap.end();
    const error = errorOfAnswer(answer, message, clock.now());
    if (error !== undefined) throw error;
    return reader.tips(mailboxes.length, message.backOff);
  }

  async #askSchedules(mailboxes: readonly Mailbox[], signal: AbortSignal): Promise<void> {
    const { transport, clock } = this.#options;
    for (const mailbox of mailboxes) {
      this.#know(mailbox, { lookUpAt: clock.now() + LOOK_UP_AGAIN });
      try {
        const options = { transport, clock, limit: LONGEST_WAIT, signal };
        this.#heard(mailbox, await this.#slots.run(signal, () => askOofSettings(options, mailbox)), []);
      } catch (error) {
        // Not every mailbox may be impersonated; what the tips said stands.
        if (!(error instanceof CalendarSourceError) || isOfServer(error)) throw error;
      }
    }
  }

  #heard(mailbox: Mailbox, tip: MailTip, unscheduled: Mailbox[]): void {
    const now = this.#options.clock.now();
    const next = { askAgainAt: now + ASK_AGAIN };
    if (tip === 'pending') this.#know(mailbox, { askAgainAt: now + ASK_SOON });
    else if (tip === 'unknown') this.#know(mailbox, next);
    else if (tip === 'none') this.#know(mailbox, { ...next, saidAt: now, during: undefined, lookUpAt: 0 });
    // One that ended long before belongs to former replies; a moment is the clocks' difference.
    else if (tip.during !== undefined && tip.during.end > now - ASK_AGAIN)
      this.#know(mailbox, { ...next, saidAt: now, during: tip.during });
    else {
      const { during: before, lookUpAt = 0 } = this.#known.peek(mailbox) ?? {};
      const isStill = before !== undefined && before.start <= now && now < before.end;
      const during = isStill ? before : { start: now, end: Number.POSITIVE_INFINITY };
      this.#know(mailbox, { ...next, saidAt: now, during });
      // A known end stays known: there are more mailboxes than schedules may be looked up at a time.
      if (during.end === Number.POSITIVE_INFINITY && isDue(lookUpAt, now)) unscheduled.push(mailbox);
    }
  }

  #know(mailbox: Mailbox, change: Partial<Known>): void {
    const before = this.#known.peek(mailbox) ?? { during: undefined, saidAt: 0, askAgainAt: 0, lookUpAt: 0 };
    this.#known.set(mailbox, { ...before, ...change });
  }

  #succeeded(): void {
    if (this.#failures > 0) this.#options.logger.info('Automatic replies are answered again');
    this.#failures = 0;
    this.#notBefore = 0;
  }

  #failed(error: unknown, now: Instant): void {
    const { kind = undefined, code = undefined, retryAfter = 0 } = error instanceof CalendarSourceError ? error : {};
    if (this.#failures++ === 0) {
      const facts =
        error instanceof CalendarSourceError ? { kind, code, reason: error.message } : { reason: String(error) };
      this.#options.logger.warn('Automatic replies can not be asked for; free/busy goes on without them', facts);
    }
    const pause = Math.min(LONGEST_PAUSE, MINUTE * 2 ** (this.#failures - 1));
    this.#notBefore = now + Math.max(pause, retryAfter);
  }
}

function isDue(at: Instant, now: Instant): boolean {
  return at <= now || at > now + LONGEST_DELAY;
}

/** Servers have different codes for it: anything that Exchange itself says of the request, not of itself. */
function mayBeTooMany(error: unknown): boolean {
  return error instanceof CalendarSourceError && !isOfServer(error) && error.hasResponseCode;
}
