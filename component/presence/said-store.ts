import type { ContactLocal } from '../directory/directory.ts';

/** What was last said of a contact, as a look's key. */
export type SaidRecord = { readonly contact: ContactLocal; readonly said: string };

/** What was last said to the watchers of each contact, as a port: after a restart, what differs is said first. */
export interface SaidStore {
  /** All records, in chunks of the store's choosing. */
  loadSaid(): AsyncIterable<readonly SaidRecord[]>;
  /** Inserts or replaces; resolves when committed. */
  saveSaid(records: readonly SaidRecord[]): Promise<void>;
  /** Forgets contacts that nobody watches any more; resolves when committed. */
  deleteSaid(contacts: readonly ContactLocal[]): Promise<void>;
}
