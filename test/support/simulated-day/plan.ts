// What happens on the day, all of it decided beforehand by a seed. Instants are milliseconds since the day's beginning,
// which pass evenly; the wall clock is set twice.

import { HOUR, type Instant, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { Random } from '../random.ts';
import { type Calendar, edited, LAST_MIDNIGHT, randomCalendar } from './calendar.ts';

/** Milliseconds since the day's beginning. */
export type Moment = number;

/** A calendar, and from when on it is the true one. */
export type Version = { readonly from: Moment; readonly calendar: Calendar };

export type Trouble = 'unreachable' | 'throttled' | 'hanging' | 'refused';
export type Outage = {
  readonly server: number;
  readonly from: Moment;
  readonly to: Moment;
  readonly trouble: Trouble;
  /** How long the server wants to be left alone, in milliseconds. */
  readonly retryAfter: number;
};

export type MailboxTrouble = 'mailbox-not-found' | 'access-denied' | 'malformed' | 'throttled' | 'unreachable';

export type MailboxPlan = {
  readonly mailbox: string;
  readonly versions: readonly Version[];
  /** The servers that have it, one after the other. */
  readonly homes: readonly { readonly from: Moment; readonly server: number }[];
  /** When there is an error in its place. */
  readonly errors: readonly { readonly from: Moment; readonly to: Moment; readonly kind: MailboxTrouble }[];
  readonly watchers: readonly string[];
  /** When its first watcher's client asks for it. */
  readonly probes: readonly Moment[];
};

export type DayPlan = {
  readonly seed: number;
  readonly start: Instant;
  readonly length: number;
  readonly mailboxes: readonly MailboxPlan[];
  readonly outages: readonly Outage[];
  /** When the wall clock is set, and by how much. */
  readonly jumps: readonly { readonly at: Moment; readonly by: number }[];
};

export type PlanOptions = {
  readonly seed: number;
  readonly mailboxes: number;
  /** Whether mailboxes move from one server to the other. */
  readonly moves: boolean;
};

export const SERVERS = ['hq', 'branch'] as const;
const LENGTH = 24 * HOUR;

/** In the evening, so that the clocks change in the sixth hour and the working day is the second half. */
const START = LAST_MIDNIGHT - 4 * HOUR;

export function planDay({ seed, mailboxes, moves }: PlanOptions): DayPlan {
  const random = new Random(seed);
  const jumps = [
    { at: 15.3 * HOUR + random.below(600) * SECOND, by: 37 * MINUTE + random.below(60_000) },
    { at: 19.6 * HOUR + random.below(600) * SECOND, by: -22 * MINUTE - random.below(60_000) },
  ];
  const outages = planOutages(random);
  const plan = { seed, start: START, length: LENGTH, outages, jumps };
  return {
    ...plan,
    mailboxes: Array.from({ length: mailboxes }, (_, i) => planMailbox(random, plan, i, moves)),
  };
}

/** The wall clock's reading at a moment. */
export function wallAt({ start, jumps }: Pick<DayPlan, 'start' | 'jumps'>, at: Moment): Instant {
  return jumps.reduce((wall, jump) => (jump.at <= at ? wall + jump.by : wall), start + at);
}

/** The moments at which the wall clock reads `wall`. */
export function momentsOf({ start, length, jumps }: DayPlan, wall: Instant): Moment[] {
  const bounds = [0, ...jumps.map(({ at }) => at), length];
  const moments: Moment[] = [];
  let offset = start;
  for (let i = 0; i + 1 < bounds.length; i++) {
    if (i > 0) offset += jumps[i - 1]?.by ?? 0;
    const at = wall - offset;
    if (at >= (bounds[i] as Moment) && at < (bounds[i + 1] as Moment)) moments.push(at);
  }
  return moments;
}

export function homeAt({ homes }: MailboxPlan, at: Moment): number {
  return homes.findLast(({ from }) => from <= at)?.server ?? 0;
}

export function versionAt({ versions }: MailboxPlan, at: Moment): number {
  return versions.findLastIndex(({ from }) => from <= at);
}

function planOutages(random: Random): Outage[] {
  const outage = (server: number, hour: number, trouble: Trouble, length: number, retryAfter = 0): Outage => {
    const from = hour * HOUR + random.below(900) * SECOND;
    return { server, from, to: from + length * random.between(1, 1.2), trouble, retryAfter };
  };
  return [
    outage(0, 1, 'throttled', 3 * MINUTE, 45 * SECOND),
    outage(0, 3.5, 'unreachable', 20 * MINUTE),
    // Longer than anything that is known keeps, and in the middle of a working day.
    outage(0, 11.5, 'unreachable', 2.2 * HOUR),
    outage(0, 17, 'refused', 20 * SECOND),
    outage(0, 18, 'hanging', 8 * MINUTE),
    outage(1, 2.2, 'hanging', 8 * MINUTE),
    outage(1, 5, 'throttled', 30 * MINUTE, 60 * SECOND),
    outage(1, 12, 'unreachable', 75 * MINUTE),
    outage(1, 17.5, 'unreachable', 40 * SECOND),
  ];
}

function planMailbox(
  random: Random,
  plan: Pick<DayPlan, 'start' | 'length' | 'jumps'>,
  number: number,
  moves: boolean,
): MailboxPlan {
  const versions: Version[] = [{ from: 0, calendar: randomCalendar(random) }];
  const times = Array.from({ length: random.below(5) }, () => Math.floor(random.between(0, plan.length)));
  for (const from of times.sort((a, b) => a - b)) {
    const before = versions.at(-1)?.calendar ?? [];
    versions.push({ from, calendar: edited(random, before, wallAt(plan, from)) });
  }
  const homes = [{ from: 0, server: random.chance(0.7) ? 0 : 1 }];
  while (moves && random.chance(0.05)) {
    const last = homes.at(-1) as (typeof homes)[number];
    if (last.from > plan.length - 2 * HOUR) break;
    homes.push({ from: Math.floor(random.between(last.from + HOUR, plan.length)), server: 1 - last.server });
  }
  const kinds = ['mailbox-not-found', 'access-denied', 'malformed', 'throttled', 'unreachable'] as const;
  const from = random.between(0, plan.length);
  const error = { from, to: from + random.between(10 * MINUTE, 4 * HOUR), kind: random.pick(kinds) };
  const watchers = Array.from({ length: random.chance(0.1) ? 3 : 1 }, (_, i) => `u${number + i}@example.net`);
  const isProbed = random.chance(0.1);
  const probes = isProbed
    ? Array.from({ length: 1 + random.below(3) }, () => Math.floor(random.between(0, plan.length)))
    : [];
  return {
    ...{ mailbox: `m${number}@example.com`, versions, homes, watchers, probes },
    errors: random.chance(0.03) ? [error] : [],
  };
}
