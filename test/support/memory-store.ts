import type { MailboxRecord, TimelineStore } from '../../component/calendar/timeline-store.ts';
import type { Mailbox } from '../../component/directory/directory.ts';
import type { SaidRecord, SaidStore } from '../../component/presence/said-store.ts';
import type {
  ContactWatchers,
  SubscriptionKey,
  SubscriptionRow,
  SubscriptionStore,
} from '../../component/subscription/subscription-store.ts';

const CHUNK = 100;

/** The three stores in memory. Passes the same contract suites as the real one; `close` empties nothing. */
export class MemoryStore implements SubscriptionStore, TimelineStore, SaidStore {
  /** While set, every save and delete is refused with it and changes nothing. */
  failure: Error | undefined;
  readonly #subscriptions = new Map<string, SubscriptionRow>();
  readonly #mailboxes = new Map<Mailbox, MailboxRecord>();
  readonly #said = new Map<string, SaidRecord>();

  async *loadSubscriptions(): AsyncIterable<readonly ContactWatchers[]> {
    for await (const rows of chunksOf(this.#subscriptions)) {
      yield rows.map(({ contact, watcher, state }) => ({ contact, subscribed: [], pending: [], [state]: [watcher] }));
    }
  }

  async saveSubscription(row: SubscriptionRow): Promise<void> {
    this.#change(() => this.#subscriptions.set(keyOf(row), row));
  }

  async deleteSubscription(key: SubscriptionKey): Promise<void> {
    this.#change(() => this.#subscriptions.delete(keyOf(key)));
  }

  loadTimelines(): AsyncIterable<readonly MailboxRecord[]> {
    return chunksOf(this.#mailboxes);
  }

  async saveTimelines(records: readonly MailboxRecord[]): Promise<void> {
    this.#change(() => {
      for (const record of records) this.#mailboxes.set(record.mailbox, record);
    });
  }

  async deleteTimelines(mailboxes: readonly Mailbox[]): Promise<void> {
    this.#change(() => {
      for (const mailbox of mailboxes) this.#mailboxes.delete(mailbox);
    });
  }

  loadSaid(): AsyncIterable<readonly SaidRecord[]> {
    return chunksOf(this.#said);
  }

  async saveSaid(records: readonly SaidRecord[]): Promise<void> {
    this.#change(() => {
      for (const record of records) this.#said.set(record.contact, record);
    });
  }

  async deleteSaid(contacts: readonly string[]): Promise<void> {
    this.#change(() => {
      for (const contact of contacts) this.#said.delete(contact);
    });
  }

  async close(): Promise<void> {}

  #change(apply: () => void): void {
    if (this.failure !== undefined) throw this.failure;
    apply();
  }
}

function keyOf({ contact, watcher }: SubscriptionKey): string {
  return JSON.stringify([contact, watcher]);
}

async function* chunksOf<Row>(rows: ReadonlyMap<string, Row>): AsyncIterable<readonly Row[]> {
  const all = [...rows.values()];
  for (let i = 0; i < all.length; i += CHUNK) yield all.slice(i, i + CHUNK);
}
