import type { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import type { Logger } from '../../../component/runtime/logger.ts';

/** So many mailboxes a line names. */
const MOST_NAMES = 20;

/** What the log says of the notifications as a whole, and of the mailboxes that are left without. */
export class FeedLog {
  readonly #logger: Logger;
  /** Who was set aside, by the reason, and is still to be named. */
  readonly #untold = new Map<string, Mailbox[]>();
  readonly #named = new Set<Mailbox>();
  #hasToldOfGroups = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The mailbox goes without notifications for a while: it is named once, those that come together in one line. */
  setAside(mailbox: Mailbox, reason: string): void {
    if (this.#named.has(mailbox)) return;
    this.#named.add(mailbox);
    const untold = this.#untold.get(reason);
    if (untold === undefined) this.#untold.set(reason, [mailbox]);
    else untold.push(mailbox);
  }

  /** Names those who were set aside lately. */
  tell(): void {
    for (const [reason, mailboxes] of this.#untold) {
      this.#logger.warn('Some mailboxes get no change notifications for a while; they are asked at their pace', {
        reason,
        ...some(mailboxes),
      });
    }
    this.#untold.clear();
  }

  forget(mailbox: Mailbox): void {
    this.#named.delete(mailbox);
  }

  /** The feed begins anew. */
  clear(): void {
    this.#untold.clear();
    this.#named.clear();
    this.#hasToldOfGroups = false;
  }

  /** There is room for these mailboxes, and there are no groups for them. Told once. */
  groupless(mailboxes: ReadonlySet<Mailbox>, connections: number): void {
    if (this.#hasToldOfGroups) return;
    this.#hasToldOfGroups = true;
    this.#logger.warn('Some mailboxes get no change notifications: they are spread over too many servers', {
      connections,
      ...some([...mailboxes]),
    });
  }

  fewerMailboxes(mailboxes: number, configured: number): void {
    const facts = { mailboxes, configured };
    this.#logger.warn(
      'Exchange allows fewer change notifications than configured; the others are asked at their pace',
      facts,
    );
  }

  /** @param without how many mailboxes the refused connection was for */
  fewerConnections(connections: number, without: number): void {
    this.#logger.warn('Exchange allows fewer connections for change notifications than are needed for all mailboxes', {
      connections,
      without,
    });
  }

  refused({ code, kind }: CalendarSourceError): void {
    this.#logger.warn('Exchange refuses change notifications: they are off; free/busy goes on without them', {
      code,
      advice:
        kind === 'access-denied'
          ? 'Give the account the management role ApplicationImpersonation, or set impersonation: false'
          : 'Look at the code; notifications are tried again from time to time',
    });
  }

  acceptedAgain(): void {
    this.#logger.info('Exchange accepts subscriptions to change notifications again');
  }
}

function some(mailboxes: readonly Mailbox[]): { readonly count: number; readonly mailboxes: readonly Mailbox[] } {
  return { count: mailboxes.length, mailboxes: mailboxes.slice(0, MOST_NAMES) };
}
