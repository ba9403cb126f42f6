import type { Instant } from '../runtime/clock.ts';
import { type AllDayRule, type BusyStatus, statusOfClaims } from './busy-status.ts';
import { claimsOfStep, type Timeline } from './timeline.ts';
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
  const { changes, end } = timeline;
  if (at >= end || at < (changes[0] as Instant)) return UNKNOWN;
  const statusOf = (step: number): BusyStatus => {
    const status = statusOfClaims(claimsOfStep(timeline, step), rules.allDay);
    return status === 'Tentative' && rules.tentativeIsFree ? 'Free' : status;
  };
  let shown = statusOf(0);
  let since: Instant | undefined;
  let until: Instant | undefined;
  for (let step = 1; step < changes.length && until === undefined; ) {
    const from = changes[step] as Instant;
    const status = statusOf(step);
    do step++;
    while (step < changes.length && statusOf(step) === status);
    // How long the last one lasts nobody has asked; and neither does unknown go on, nor is it passed over.
    const length = step < changes.length ? (changes[step] as Instant) - from : Number.POSITIVE_INFINITY;
    if (status === shown || (length < rules.shortest && status !== 'NoData' && shown !== 'NoData')) continue;
    if (from > at) until = from;
    else [shown, since] = [status, from];
  }
  const stretch = { status: shown, since, until };
  // Hours without a day are none that somebody set.
  const hasHours = rules.hours !== undefined && rules.hours.periods.length > 0;
  return shown === 'Free' && hasHours ? splitByHours(stretch, rules.hours, at) : stretch;
}

function splitByHours(free: Stretch, hours: WorkingHours, at: Instant): Stretch {
  const { isWorking, since, until } = workingSpanAt(hours, at);
  return {
    status: isWorking ? 'Free' : 'OffHours',
    since: Math.max(free.since ?? since, since),
    until: Math.min(free.until ?? until, until),
  };
}
