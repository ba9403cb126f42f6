import type { Mailbox } from '../directory/directory.ts';
import { type Instant, MINUTE } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { FreeBusyAnswer } from './calendar-source.ts';
import type { CalendarSourceErrorKind } from './calendar-source-error.ts';

/** A store of thousands that goes down, or an account without rights, must not fill the disk. */
const MOST_LINES_A_MINUTE = 100;

/** What the log says of single mailboxes: one line when a mailbox's trouble begins or becomes another, one when it ends, one when it was found elsewhere. */
export class MailboxLog {
  readonly #logger: Logger;
  readonly #clock: { now(): Instant };
  readonly #troubled = new Map<Mailbox, CalendarSourceErrorKind>();
  #minute = 0;
  #lines = 0;

  constructor(logger: Logger, clock: { now(): Instant }) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** @param wasKnown whether its server ever gave a timeline of the mailbox */
  answered(answer: FreeBusyAnswer, wasKnown: boolean): void {
    const { mailbox } = answer;
    if (!('error' in answer)) {
      if (!this.#troubled.delete(mailbox)) return;
      this.#logger[this.#level('info')]('Exchange gives free/busy for the mailbox again', { mailbox });
      return;
    }
    const { kind, code, message } = answer.error;
    if (this.#troubled.get(mailbox) === kind) return;
    this.#troubled.set(mailbox, kind);
    // One that was never there is an asker's mistake, and its refusal is in the log.
    const isNews = kind !== 'mailbox-not-found' || wasKnown;
    this.#logger[isNews ? this.#level('warn') : 'debug']('Exchange gives no free/busy for a mailbox', {
      mailbox,
      kind,
      code,
      reason: message,
    });
  }

  /** @param from and `to` are the names of servers */
  moved(mailbox: Mailbox, from: string, to: string): void {
    this.#logger[this.#level('info')]('The mailbox has moved and was found on another Exchange server', {
      mailbox,
      from,
      to,
    });
  }

  forget(mailbox: Mailbox): void {
    this.#troubled.delete(mailbox);
  }

  /** The level of a line, which counts; what is too much in a minute is for debugging, and one line says so. */
  #level(level: 'info' | 'warn'): 'info' | 'warn' | 'debug' {
    const minute = Math.floor(this.#clock.now() / MINUTE);
    if (minute !== this.#minute) this.#lines = 0;
    this.#minute = minute;
    if (this.#lines === MOST_LINES_A_MINUTE) {
      this.#logger.warn(
        'Many mailboxes begin or cease to be in trouble, or have moved: the log of this minute does not name them all',
        {
          inTrouble: this.#troubled.size,
        },
      );
    }
    return this.#lines++ < MOST_LINES_A_MINUTE ? level : 'debug';
  }
}
