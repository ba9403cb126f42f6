// What people write into their calendars on a working day, and how they change it.

import type { BusyStatus } from '../../../component/calendar/busy-status.ts';
import type { BusyPeriod } from '../../../component/calendar/timeline.ts';
import { DAY, HOUR, type Instant, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import type { Random } from '../random.ts';

export type Calendar = readonly BusyPeriod[];

/** The night in which Central Europe puts its clocks forward: at 01:00 UTC. */
export const LAST_MIDNIGHT = Date.UTC(2026, 2, 29);
const SUMMER_TIME = LAST_MIDNIGHT + HOUR;

type Zone = (local: Instant) => Instant;

/** From a wall clock's reading, written as if it were UTC, to the instant. */
const zones: readonly Zone[] = [
  // Berlin: 2 to 3 o'clock does not happen.
  (local) => local - (local < SUMMER_TIME + HOUR ? HOUR : 2 * HOUR),
  // New York, already in summer time.
  (local) => local + 4 * HOUR,
  // Kolkata.
  (local) => local - 5.5 * HOUR,
];

/** Days of the calendars: from the day before to what the gateway's window shows at the end. */
const FIRST_DAY = -2;
const LAST_DAY = 4;

/** A calendar of one of several kinds of people, over the days around that night. */
export function randomCalendar(random: Random): Calendar {
  const zone = random.chance(0.7) ? (zones[0] as Zone) : random.pick(zones);
  const kind = random.next();
  const entries: BusyPeriod[] = [];
  const add = (start: Instant, length: number, status: BusyStatus): void => {
    entries.push({ start: zone(start), end: zone(start + length), status });
  };
  const standUp = random.below(16) * 15 * MINUTE;
  for (let day = FIRST_DAY; day <= LAST_DAY; day++) {
    const midnight = LAST_MIDNIGHT + day * DAY;
    const morning = midnight + 9 * HOUR;
    if (kind < 0.05) continue;
    if (kind < 0.08) {
      // Free/busy that its owner does not share, for some of the day.
      add(morning, random.chance(0.5) ? 15 * HOUR : 4 * HOUR, 'NoData');
    } else if (kind < 0.25) {
      // A night shift, and hand-overs on both sides of it.
      add(midnight + 22 * HOUR, 8 * HOUR, 'Busy');
      add(midnight + 21.5 * HOUR, 45 * MINUTE, 'Tentative');
      if (random.chance(0.3)) add(midnight + 23.5 * HOUR, HOUR, 'OOF');
    } else if (kind < 0.33 && random.chance(0.5)) {
      add(midnight, DAY, 'OOF');
    } else if (kind < 0.4) {
      add(morning, 8 * HOUR, 'WorkingElsewhere');
    }
    // The same every day.
    add(morning + standUp, 15 * MINUTE, 'Busy');
    const meetings = random.below(9);
    let last = morning;
    for (let i = 0; i < meetings; i++) {
      const length = random.pick([15, 25, 30, 30, 50, 60, 60, 90, 180]) * MINUTE;
      // Back to back with the one before, or anywhere, and then perhaps over another one.
      const start = random.chance(0.3) ? last : morning + random.below(20) * 30 * MINUTE;
      add(start, length, random.pick(['Busy', 'Busy', 'Busy', 'Tentative', 'Free', 'OOF', 'WorkingElsewhere']));
      last = start + length;
    }
    if (random.chance(0.1)) add(midnight + 23.5 * HOUR, random.pick([30, 60, 120]) * MINUTE, 'Busy');
  }
  return entries.filter(({ start, end }) => start < end);
}

/** What the owner does to a calendar at `now`: adds, moves or cancels something, or ends a running meeting early. */
export function edited(random: Random, calendar: Calendar, now: Instant): Calendar {
  // Exchange knows no parts of seconds.
  const second = Math.floor(now / SECOND) * SECOND;
  const open = calendar.filter(({ end }) => end > now);
  const running = open.filter(({ start }) => start <= now);
  const kind = random.next();
  const victim = random.pick(random.chance(0.5) && running.length > 0 ? running : open);
  if (kind < 0.4 || victim === undefined) {
    const start = random.chance(0.5) ? second : nextHalfHour(now) + random.below(16) * 30 * MINUTE;
    const status = random.pick(['Busy', 'Busy', 'OOF', 'Tentative', 'WorkingElsewhere'] as const);
    return [...calendar, { start, end: start + random.pick([15, 30, 60, 120]) * MINUTE, status }];
  }
  const others = calendar.filter((entry) => entry !== victim);
  if (kind < 0.6) return others;
  if (kind < 0.8 && victim.start < now) return [...others, { ...victim, end: Math.max(victim.start + SECOND, second) }];
  const shift = random.pick([-60, -30, 30, 60, 120]) * MINUTE;
  return [...others, { ...victim, start: victim.start + shift, end: victim.end + shift }];
}

function nextHalfHour(now: Instant): Instant {
  return Math.ceil(now / (30 * MINUTE)) * 30 * MINUTE;
}

const order: readonly BusyStatus[] = ['NoData', 'Free', 'Tentative', 'WorkingElsewhere', 'Busy', 'OOF'];

/** What a calendar says of an instant: of all entries that cover it the one that counts most; none is Free. */
export function trueStatus(calendar: Calendar, at: Instant): BusyStatus {
  let highest = -1;
  for (const { start, end, status } of calendar) {
    if (start <= at && at < end) highest = Math.max(highest, order.indexOf(status));
  }
  return order[highest] ?? 'Free';
}
