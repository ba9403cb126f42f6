// What is played: the people, their calendars, and when Exchange is silent.

import { type Instant, MINUTE, SECOND } from '../../component/runtime/clock.ts';

/** How many seconds are played in one. */
export const SPEED = 60;

/** How the gateway is set up here: the shortest times that it accepts, so that a story need not be long. */
export const timings = { refresh: MINUTE, staleAfter: 6 * MINUTE } as const;

/** Whom Bob watches. */
export const people = ['Alice', 'Carol'] as const;
export type Person = (typeof people)[number];

export type Status = 'Free' | 'Tentative' | 'WorkingElsewhere' | 'Busy' | 'OOF';

export type Entry = {
  readonly person: Person;
  readonly start: Instant;
  readonly end: Instant;
  readonly status: Status;
  readonly subject: string;
};

export type Span = { readonly start: Instant; readonly end: Instant };

/** One meeting, one absence, one outage: what `--once` plays. The gateway is stopped when it knows everything again. */
export type ShortStory = { readonly entries: readonly Entry[]; readonly outage: Span };

/** Offsets are minutes after `begin`. */
export function shortStory(begin: Instant): ShortStory {
  const at = timetable(begin);
  return {
    entries: [
      at('Alice', 0, 5, 'Busy', 'Weekly planning'),
      at('Carol', 3, 8, 'OOF', 'Dentist'),
      // Begins while Exchange is silent, and shows all the same: the gateway knows of it since before.
      at('Alice', 12, 60, 'Busy', 'Customer call'),
    ],
    outage: { start: begin + 10 * MINUTE, end: begin + 18 * MINUTE },
  };
}

/** What somebody does at a moment, other than having been booked before. */
export type Deed =
  | { readonly type: 'books'; readonly entry: Entry }
  | { readonly type: 'cancels'; readonly person: Person; readonly subject: string }
  | { readonly type: 'outage-begins' }
  | { readonly type: 'outage-ends' };

export type Round = {
  readonly length: number;
  readonly entries: readonly Entry[];
  readonly deeds: readonly { readonly at: Instant; readonly deed: Deed }[];
};

/** Half an hour of a lively day; every second one has an outage. */
export function lively(number: number, begin: Instant): Round {
  return number % 2 === 0 ? plainRound(begin) : outageRound(begin);
}

function plainRound(begin: Instant): Round {
  const at = timetable(begin);
  const when = (minutes: number): Instant => begin + minutes * MINUTE;
  return {
    length: 30 * MINUTE,
    entries: [
      at('Alice', 0, 5, 'Busy', 'Stand-up'),
      at('Carol', 3, 8, 'OOF', 'Dentist'),
      at('Alice', 7, 10, 'Tentative', 'Lunch?'),
      at('Alice', 11, 16, 'WorkingElsewhere', 'Train'),
      at('Alice', 18, 28, 'Busy', 'Review'),
      at('Carol', 22, 26, 'Busy', 'Budget'),
      at('Carol', 24, 29, 'OOF', 'School'),
    ],
    deeds: [
      { at: when(10) + 30 * SECOND, deed: { type: 'books', entry: at('Carol', 13, 17, 'Busy', 'Interview') } },
      { at: when(21), deed: { type: 'cancels', person: 'Alice', subject: 'Review' } },
    ],
  };
}

function outageRound(begin: Instant): Round {
  const at = timetable(begin);
  return {
    length: 30 * MINUTE,
    entries: [
      at('Carol', 1, 4, 'Busy', 'Interview'),
      at('Alice', 2, 5, 'Busy', 'Hand-over'),
      at('Alice', 8, 26, 'Busy', 'Customer call'),
      at('Carol', 22, 28, 'OOF', 'Half day'),
    ],
    deeds: [
      { at: begin + 6 * MINUTE, deed: { type: 'outage-begins' } },
      { at: begin + 14 * MINUTE, deed: { type: 'outage-ends' } },
    ],
  };
}

function timetable(begin: Instant) {
  return (person: Person, from: number, to: number, status: Status, subject: string): Entry => ({
    ...{ person, status, subject },
    start: begin + from * MINUTE,
    end: begin + to * MINUTE,
  });
}
