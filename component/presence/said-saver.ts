import type { ContactLocal } from '../directory/directory.ts';
import { type Clock, SECOND, type Timer } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { SaidRecord, SaidStore } from './said-store.ts';

const PAUSE = SECOND;

export type SaidSaverOptions = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: SaidStore;
  /** What was last said of a contact; undefined: it has no watchers any more, and is forgotten. */
  readonly lastSaid: (contact: ContactLocal) => string | undefined;
};

/** Saves what was last said of contacts: all that changed within a second at once. */
export class SaidSaver {
  readonly #options: SaidSaverOptions;
  readonly #unsaved = new Set<ContactLocal>();
  #timer: Timer | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: SaidSaverOptions) {
    this.#options = options;
  }

  changed(contact: ContactLocal): void {
    this.#unsaved.add(contact);
    this.#timer ??= this.#options.clock.after(PAUSE, () => void this.flush());
  }

  /** Resolves when everything that changed is saved, or could not be. */
  flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { store, logger, lastSaid } = this.#options;
    const records: SaidRecord[] = [];
    const forgotten: ContactLocal[] = [];
    for (const contact of this.#unsaved) {
      const said = lastSaid(contact);
      if (said === undefined) forgotten.push(contact);
      else records.push({ contact, said });
    }
    this.#unsaved.clear();
    this.#saving = this.#saving
      .then(async () => {
        if (records.length > 0) await store.saveSaid(records);
        if (forgotten.length > 0) await store.deleteSaid(forgotten);
      })
      .catch((error: unknown) => logger.error('What was said could not be saved', { error }));
    return this.#saving;
  }
}
