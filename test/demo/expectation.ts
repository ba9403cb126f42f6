// What Bob should receive, worked out from the calendars. Nothing here is the gateway's: not its code, not its word.

import { type Instant, MINUTE } from '../../component/runtime/clock.ts';
import { type Entry, type Person, type ShortStory, type Status, timings } from './story.ts';

/** What a watcher sees, in words; heard.ts puts stanzas into the same words. */
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

/** What must come: at `from`, or at some moment until `until` where only the gateway knows which. */
export type Step = {
  readonly what: string;
  readonly from: Instant;
  readonly until: Instant;
  readonly because: string;
  /** Whether it is a change in the calendar, which shows at its first second. */
  readonly isChange: boolean;
};

/** What was played, by the word of the one who played it. */
export type Played = ShortStory & { readonly askedAt: Instant; readonly stoppedAt: Instant };

/** The gateway's longest pause between attempts while Exchange gives no answer: 5 minutes, give or take a quarter. */
const LONGEST_PAUSE = 5 * MINUTE * 1.25;

/** When the gateway has surely heard from an Exchange that answers again. */
export function surelyBack({ outage }: ShortStory): Instant {
  return outage.end + LONGEST_PAUSE;
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
 * @throws Error when the calendar changes while it is uncertain whether the gateway knows it: a story must not do that
 */
export function expectedSteps(person: Person, played: Played): readonly Step[] {
  const { entries, askedAt, outage, stoppedAt } = played;
  const statusAt = (at: Instant): Status => entryAt(entries, person, at)?.status ?? 'Free';
  const changes = [
    ...new Set(entries.filter((entry) => entry.person === person).flatMap(({ start, end }) => [start, end])),
  ]
    .filter((at) => at > askedAt && at < stoppedAt && looks[statusAt(at)] !== looks[statusAt(at - 1)])
    .sort((a, b) => a - b);
  // The last answer came when the outage began, or up to a refresh (with its jitter) before.
  const lost = {
    from: outage.start + timings.staleAfter - 2 * timings.refresh,
    until: outage.start + timings.staleAfter,
  };
  const back = { from: outage.end, until: surelyBack(played) };
  if (changes.some((at) => at >= lost.from && at <= back.until)) {
    throw new Error(`The story is ambiguous: ${person}'s calendar changes while Exchange is silent`);
  }
  const change = (at: Instant): Step => ({
    ...{ what: looks[statusAt(at)], from: at, until: at, isChange: true },
    because: `the calendar says ${statusAt(at)} from then on`,
  });
  const step = (what: string, span: { from: Instant; until: Instant }, because: string): Step => ({
    ...{ what, ...span, because, isChange: false },
  });
  const at = (instant: Instant) => ({ from: instant, until: instant });
  return [
    step(ACCEPTED, at(askedAt), 'Bob asked to see the person'),
    step(looks[statusAt(askedAt)], at(askedAt), `the calendar says ${statusAt(askedAt)}`),
    ...changes.filter((instant) => instant < lost.from).map(change),
    step(UNAVAILABLE, lost, 'Exchange has been silent for too long'),
    step(looks[statusAt(outage.end)], back, 'Exchange answers again'),
    ...changes.filter((instant) => instant > back.until).map(change),
    step(UNAVAILABLE, at(stoppedAt), 'the gateway stops'),
  ];
}
