import type { Instant } from '../runtime/clock.ts';
import { isDayStart } from '../runtime/time-zone.ts';
import { ALL_CLAIMS, type BusyStatus, type Claims, claimOf } from './busy-status.ts';
import type { WorkingHours } from './working-hours.ts';

/** A calendar entry's claim on the half-open span [start, end). */
export type BusyPeriod = { readonly start: Instant; readonly end: Instant; readonly status: BusyStatus };

/** The half-open span [start, end) that was asked about. */
export type TimeWindow = { readonly start: Instant; readonly end: Instant };

/**
 * What is known of a mailbox's calendar: a step function over the window that was fetched.
 *
 * `claimsOfStep(i)` holds from `changes[i]` until `changes[i + 1]`, the last one until `end`; `changes[0]` is the
 * window's start. Neighbours differ, so that overlapping and touching periods are merged by construction.
 */
export type Timeline = {
  readonly fetchedAt: Instant;
  readonly end: Instant;
  readonly changes: readonly Instant[];
  /** For each step one character, whose code is the set of claims: of 10 meetings a list would cost 180 bytes more (measured). */
  readonly claims: string;
  /** When the mailbox's owner works, as the server says; the same object for equal hours. */
  readonly hours: WorkingHours | undefined;
};

/**
 * Merges the periods of a mailbox into a timeline: clipped to the window, what no period covers is Free. Periods that end
 * before they start, or never, are ignored.
 *
 * @param hours says in whose zone an entry that lasts from midnight to midnight is an all-day one; undefined: none is
 */
export function buildTimeline(
  periods: readonly BusyPeriod[],
  window: TimeWindow,
  fetchedAt: Instant,
  hours?: WorkingHours,
): Timeline {
  type Edge = { at: Instant; bit: number; delta: 1 | -1 };
  const edges: Edge[] = [];
  for (const { start, end, status } of periods) {
    const from = Math.max(start, window.start);
    const to = Math.min(end, window.end);
    if (!(from < to)) continue;
    const isAllDay = hours !== undefined && isDayStart(hours.zone, start) && isDayStart(hours.zone, end);
    const bit = 31 - Math.clz32(claimOf(status, isAllDay));
    edges.push({ at: from, bit, delta: 1 }, { at: to, bit, delta: -1 });
  }
  edges.sort((a, b) => a.at - b.at);

  const open = new Array<number>(32 - Math.clz32(ALL_CLAIMS)).fill(0);
  const changes: Instant[] = [window.start];
  const steps: Claims[] = [0];
  let claims: Claims = 0;
  for (let i = 0; i < edges.length; ) {
    const { at } = edges[i] as Edge;
    for (; i < edges.length && (edges[i] as Edge).at === at; i++) {
      const { bit, delta } = edges[i] as Edge;
      const count = (open[bit] as number) + delta;
      open[bit] = count;
      claims = count > 0 ? claims | (1 << bit) : claims & ~(1 << bit);
    }
    if (at >= window.end) break;
    const known = withoutVoid(claims);
    if (at === window.start) steps[0] = known;
    else if (known !== steps.at(-1)) {
      changes.push(at);
      steps.push(known);
    }
  }
  // Exactly as long as it need be: an array that has grown holds room for half as much again. No spread: what comes
  // after one has no room in the object itself (200 bytes a timeline, measured).
  return { fetchedAt, end: window.end, changes: changes.slice(), claims: String.fromCharCode(...steps), hours };
}

const NO_DATA = claimOf('NoData', false);
const FREE = claimOf('Free', false);

/** Free is the absence of claims, and wins over what is unknown; everything else wins over Free. */
function withoutVoid(claims: Claims): Claims {
  return claims === NO_DATA ? claims : claims & ~(NO_DATA | FREE);
}

/** What the entries claim of a step, the first being 0; NoData where there is none. */
export function claimsOfStep({ claims }: Timeline, step: number): Claims {
  return step >= 0 && step < claims.length ? claims.charCodeAt(step) : NO_DATA;
}

/** The first instant after `after` at which the calendar itself changes; the window's ends are none. */
export function firstChange(timeline: Timeline, after: Instant): Instant | undefined {
  return timeline.changes[Math.max(1, stepAt(timeline, after) + 1)];
}

/** The index of the step that holds at an instant: the last change at or before it; -1 before the window. */
export function stepAt({ changes }: Timeline, at: Instant): number {
  let low = 0;
  let high = changes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((changes[middle] as Instant) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
