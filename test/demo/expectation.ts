// What Bob should receive, worked out from the calendars. Nothing here is the gateway's: not its code, not its word.

import { type Instant, MINUTE } from '../../component/runtime/clock.ts';
import { type Entry, type Person, SPEED, type ShortStory, type Status, timings } from './story.ts';

/** What a watcher sees, in words; see heard.ts for the same words from stanzas. */
export const ACCEPTED = 'accepts Bob';
export const UNAVAILABLE = 'unavailable';
export const looks: Readonly<Record<Status, string>> = {
  Free: 'available',
  Tentative: 'available',
  WorkingElsewhere: 'available: Working elsewhere',
  Busy: 'do not disturb: In a meeting',
  OOF: 'away: Away',
};

/** Where entries overlap the last of these wins. */
const order: readonly Status[] = ['Free', 'Tentative', 'WorkingElsewhere', 'Busy', 'OOF'];

/** What must come, not before `from` and not after `until`. */
export type Step = { readonly what: string; readonly from: Instant; readonly until: Instant; readonly because: string };

/** What was really played, by the one who played it. */
export type Played = ShortStory & {
  /** When Bob asked to see the person. */
  readonly askedAt: Instant;
  readonly stoppedAt: Instant;
};

/** Three real seconds: networks and a busy machine are not played fast. */
export const LATE = 3 * SPEED * 1_000;
/** The gateway's longest pause between attempts while Exchange gives no answer: 5 minutes, give or take a quarter. */
const LONGEST_PAUSE = 5 * MINUTE * 1.25;

/** When the gateway has surely heard from an Exchange that answers again. */
export function surelyBack({ outage }: ShortStory): Instant {
  return outage.end + LONGEST_PAUSE + 2 * timings.refresh;
}

/** The entry that decides what a person is doing; undefined: none, the person is free. */
export function entryAt(entries: readonly Entry[], person: Person, at: Instant): Entry | undefined {
  return entries
    .filter((entry) => entry.person === person && entry.start <= at && at < entry.end)
    .sort((a, b) => order.indexOf(b.status) - order.indexOf(a.status))[0];
}

/**
 * What Bob must receive of a person, in order.
 *
 * @throws Error when the calendar changes while it is uncertain whether the gateway knows it: the story must not do that
 */
export function expectedSteps(person: Person, played: Played): readonly Step[] {
  const { entries, askedAt, outage, stoppedAt } = played;
  // The last answer is from the outage's beginning, or from one refresh (and its jitter) before.
  const lostFrom = outage.start + timings.staleAfter - 2 * timings.refresh;
  const backUntil = surelyBack(played);
  const statusAt = (at: Instant): Status => entryAt(entries, person, at)?.status ?? 'Free';
  const looksSo = (at: Instant, until: Instant, because: string): Step => ({
    ...{ what: looks[statusAt(at)], from: at, until: until + LATE, because },
  });
  const changes = [...new Set(entries.flatMap((entry) => (entry.person === person ? [entry.start, entry.end] : [])))]
    .filter((at) => at > askedAt && at < stoppedAt)
    .sort((a, b) => a - b)
    .filter((at) => looks[statusAt(at)] !== looks[statusAt(at - 1)]);
  if (changes.some((at) => at >= lostFrom && at <= backUntil)) {
    throw new Error(`the story is ambiguous: ${person}'s calendar changes while Exchange is silent`);
  }
  const atItsMinute = (at: Instant): Step => looksSo(at, at, `the calendar says ${statusAt(at)} from then on`);
  return [
    { what: ACCEPTED, from: askedAt, until: askedAt + LATE, because: 'Bob asked' },
    looksSo(askedAt, askedAt, `the calendar says ${statusAt(askedAt)}`),
    ...changes.filter((at) => at < lostFrom).map(atItsMinute),
    {
      what: UNAVAILABLE,
      from: lostFrom,
      until: outage.start + timings.staleAfter + LATE,
      because: 'Exchange has been silent for too long',
    },
    looksSo(outage.end, backUntil, 'Exchange answers again'),
    ...changes.filter((at) => at > backUntil).map(atItsMinute),
    { what: UNAVAILABLE, from: stoppedAt, until: stoppedAt + LATE, because: 'the gateway stops' },
  ];
}
