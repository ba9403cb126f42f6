// What happened on the day, as a judge needs it.

import type { Instant } from '../../../component/runtime/clock.ts';
import type { Moment } from './plan.ts';

/** What a watcher saw of a contact, one after the other. */
export type History = { readonly at: Moment[]; readonly shows: string[] };

/** The server's word about a mailbox: when it came, the wall clock's reading when it was asked for, what it was. */
export type AnswerRecord = { readonly at: Moment; readonly askedAt: Instant; readonly version: number };

/** The gateway was told at `at` that the calendar had changed at `changedAt`. */
export type HintRecord = { readonly at: Moment; readonly changedAt: Moment };

export type MailboxRecord = {
  /** One for each watcher, in the plan's order. */
  readonly histories: readonly History[];
  readonly answers: AnswerRecord[];
  readonly hints: HintRecord[];
  /** What clients that probed were shown, and what the watcher saw then. */
  readonly probes: { readonly at: Moment; readonly shown: string; readonly seen: string | undefined }[];
};

export type DayRecord = {
  readonly mailboxes: readonly MailboxRecord[];
  requests: number;
  answers: number;
};

export function emptyRecord(watchersOfEach: readonly number[]): DayRecord {
  return {
    requests: 0,
    answers: 0,
    mailboxes: watchersOfEach.map((watchers) => ({
      histories: Array.from({ length: watchers }, () => ({ at: [], shows: [] })),
      ...{ answers: [], hints: [], probes: [] },
    })),
  };
}
