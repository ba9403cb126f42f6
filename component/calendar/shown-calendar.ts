import type { Instant } from '../runtime/clock.ts';
import { type AllDayRule, type BusyStatus, statusOfClaims } from './busy-status.ts';
import { claimsOfStep, stepAt, type Timeline } from './timeline.ts';
import { type WorkingHours, workingSpanAt } from './working-hours.ts';

/** What of a calendar is shown. */
export type CalendarRules = {
  /** What all-day entries count as. */
  readonly allDay: AllDayRule;
  /** Whether tentative entries are overlooked: they count as free time. */
  readonly tentativeIsFree?: boolean | undefined;
  /** What lasts shorter than this, in milliseconds, is passed over: what was before it goes on. */
  readonly shortest: number;
  /** Free time outside these hours is OffHours; undefined: there is no such thing. */
  readonly hours: WorkingHours | undefined;
};

/** Free time outside the working hours is a status of its own. */
export type ShownStatus = BusyStatus | 'OffHours';

/** A span of time in which one thing is shown: [since, until). */
export type Stretch = {
  readonly status: ShownStatus;
  /** Undefined: it began before what was asked about. */
  readonly since: Instant | undefined;
  /** Undefined: it lasts beyond what was asked about. */
  readonly until: Instant | undefined;
};

const UNKNOWN: Stretch = { status: 'NoData', since: undefined, until: undefined };

/** What a calendar shows at an instant, since when and until when; NoData outside the fetched window. */
export function stretchAt(timeline: Timeline, at: Instant, rules: CalendarRules): Stretch {
  if (at >= timeline.end || at < (timeline.changes[0] as Instant)) return UNKNOWN;
  const stretch = rules.shortest > 0 ? withoutShortOnes(timeline, at, rules) : plainStretch(timeline, at, rules);
  // Hours without a day are none that somebody set.
  const hasHours = rules.hours !== undefined && rules.hours.periods.length > 0;
  return stretch.status === 'Free' && hasHours ? splitByHours(stretch, rules.hours, at) : stretch;
}

function statusOf(timeline: Timeline, step: number, { allDay, tentativeIsFree }: CalendarRules): BusyStatus {
  const status = statusOfClaims(claimsOfStep(timeline, step), allDay);
  return status === 'Tentative' && tentativeIsFree ? 'Free' : status;
}

/** The step of the moment, and its neighbours that show the same. */
function plainStretch(timeline: Timeline, at: Instant, rules: CalendarRules): Stretch {
  let first = stepAt(timeline, at);
  let next = first + 1;
  const status = statusOf(timeline, first, rules);
  while (first > 0 && statusOf(timeline, first - 1, rules) === status) first--;
  while (next < timeline.changes.length && statusOf(timeline, next, rules) === status) next++;
  return { status, since: first === 0 ? undefined : timeline.changes[first], until: timeline.changes[next] };
}

/** What is passed over depends on what was shown before it: so from the beginning. */
function withoutShortOnes(timeline: Timeline, at: Instant, rules: CalendarRules): Stretch {
  const { changes } = timeline;
  let shown = statusOf(timeline, 0, rules);
  let since: Instant | undefined;
  let until: Instant | undefined;
  for (let step = 1; step < changes.length && until === undefined; ) {
    const from = changes[step] as Instant;
    const status = statusOf(timeline, step, rules);
    do step++;
    while (step < changes.length && statusOf(timeline, step, rules) === status);
    // How long the last one lasts nobody has asked; and neither does unknown go on, nor is it passed over.
    const length = step < changes.length ? (changes[step] as Instant) - from : Number.POSITIVE_INFINITY;
    if (status === shown || (length < rules.shortest && status !== 'NoData' && shown !== 'NoData')) continue;
    if (from > at) until = from;
    else [shown, since] = [status, from];
  }
  return { status: shown, since, until };
}

function splitByHours(free: Stretch, hours: WorkingHours, at: Instant): Stretch {
  const { isWorking, since, until } = workingSpanAt(hours, at);
  return {
    status: isWorking ? 'Free' : 'OffHours',
    since: Math.max(free.since ?? since, since),
    until: Math.min(free.until ?? until, until),
  };
}
