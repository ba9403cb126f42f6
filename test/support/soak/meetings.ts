import { MINUTE } from '../../../component/runtime/clock.ts';
import type { House } from '../house.ts';
import type { Random } from '../random.ts';
import type { View } from './people.ts';

/** Later ones win where they overlap (see `busyStatuses`); of these two count as free time. */
const STATUSES = ['Tentative', 'Busy', 'OOF'] as const;
const VIEWS: Readonly<Record<(typeof STATUSES)[number], View>> = { Tentative: 'available', Busy: 'dnd', OOF: 'away' };
/** Entries of one person at most, so that nobody is in a meeting all the time. */
const MOST = 6;

/** What people do to their calendars, and what these say. */
export class Meetings {
  readonly #house: House;
  readonly #random: Random;
  readonly #contacts: readonly string[];
  readonly counts = { booked: 0, moved: 0, cancelled: 0 };

  constructor(house: House, random: Random, contacts: readonly string[]) {
    this.#house = house;
    this.#random = random;
    this.#contacts = contacts;
  }

  /** Somebody books a meeting, gives one another time, or cancels one. */
  change(): void {
    const { calendars } = this.#house.exchange;
    const mailbox = this.#house.mailbox(this.#random.pick(this.#contacts));
    const now = this.#house.now();
    for (const { id, end } of calendars.entries(mailbox)) if (end < now - 30 * MINUTE) calendars.cancel(id);
    const entries = calendars.entries(mailbox);
    const start = now + this.#random.between(-5, 15) * MINUTE;
    const span = { start, end: start + this.#random.between(1, 25) * MINUTE };
    if (entries.length < MOST && (entries.length === 0 || this.#random.chance(0.5))) {
      calendars.book(mailbox, { ...span, status: this.#random.pick(STATUSES) });
      this.counts.booked++;
    } else if (this.#random.chance(0.5)) {
      calendars.move(this.#random.pick(entries).id, span);
      this.counts.moved++;
    } else {
      calendars.cancel(this.#random.pick(entries).id);
      this.counts.cancelled++;
    }
  }

  /** What a contact shows now, by its calendar. */
  truth(contact: string): View {
    const now = this.#house.now();
    const entries = this.#house.exchange.calendars.entriesBetween(this.#house.mailbox(contact), now, now + 1);
    const winner = STATUSES.findLast((status) => entries.some((entry) => entry.status === status));
    return winner === undefined ? 'available' : VIEWS[winner];
  }
}
