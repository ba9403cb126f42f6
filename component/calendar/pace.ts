import { type Instant, MINUTE } from '../runtime/clock.ts';
import { firstChange, type Timeline } from './timeline.ts';

/** How often a mailbox is asked for, in milliseconds. */
export type Paces = {
  /** Of one that somebody subscribed to or probed within the last hour. */
  readonly refresh: number;
  /** Of one whose calendar changes soon, or just did: then people change it, too. Nothing is asked for more often. */
  readonly refreshNear: number;
  /** Of all others. */
  readonly refreshIdle: number;
};

export type PaceFacts = {
  readonly askedAt: Instant;
  readonly timeline: Timeline | undefined;
  /** Whether somebody subscribed to it or probed it within the last hour. */
  readonly isLively: boolean;
  /** The mailbox's own place in every round, in [0, 1). */
  readonly phase: number;
};

/** When a mailbox is to be asked for, and whether that is for a change of its calendar. */
export type Turn = { readonly due: Instant; readonly isNear: boolean };

/** A change of the calendar is near so long before and after it. */
const NEAR_BEFORE = 10 * MINUTE;
const NEAR_AFTER = 2 * MINUTE;
/** A request takes along what is due within this share of the pace: fuller requests, fewer of them. */
const LOOK_AHEAD = 0.05;

/** How long before its turn a mailbox may be taken along, in milliseconds. */
export function lookAhead(paces: Paces): { readonly calm: number; readonly near: number } {
  const calm = LOOK_AHEAD * Math.min(paces.refresh, paces.refreshIdle);
  return { calm, near: LOOK_AHEAD * shortest(paces) };
}

/**
 * When a mailbox is to be asked for next: in its own place of its rounds, at most one and a quarter of them from now,
 * at least a quarter, and never sooner than the shortest pace, be it taken along or not. A round is four fifths of the
 * pace, so that even an irregular interval keeps to it.
 *
 * The rounds are rounds of the wall clock, and every mailbox has a place in them that has nothing to do with when it
 * was asked last: so a start, a pause and a change of pace spread themselves, and :00 is a second like any other.
 */
export function nextAsk({ askedAt, timeline, isLively, phase }: PaceFacts, paces: Paces): Turn {
  const ahead = lookAhead(paces);
  const soonest = askedAt + shortest(paces);
  const round = calmRound(isLively ? paces.refresh : paces.refreshIdle, paces);
  const calm = turnAfter(Math.max(soonest + ahead.calm, askedAt + round / 4), round, phase);
  const change = timeline && firstChange(timeline, askedAt - NEAR_AFTER);
  if (change === undefined) return { due: calm, isNear: false };
  // A little longer than the pace: then one that was taken along in its last turn, or was late, is in time for this.
  const shortestRound = shortest(paces) + 2 * ahead.near;
  const near = turnAfter(Math.max(soonest + ahead.near, change - NEAR_BEFORE), shortestRound, phase);
  return near < calm ? { due: near, isNear: true } : { due: calm, isNear: false };
}

/** The longest time between two askings, in milliseconds. */
export function longestPause(paces: Paces): number {
  const round = calmRound(Math.max(paces.refresh, paces.refreshIdle), paces);
  return Math.max(1.25 * round, shortest(paces) + lookAhead(paces).calm + round);
}

function calmRound(pace: number, paces: Paces): number {
  return Math.max(0.8 * pace, shortest(paces) + 2 * lookAhead(paces).calm);
}

/** The first instant from `from` on that has this place in the rounds of `round` milliseconds. */
export function turnAfter(from: Instant, round: number, phase: number): Instant {
  return (Math.ceil(from / round - phase) + phase) * round;
}

/** A mailbox's place in the rounds: evenly spread, and another one in each run. */
export function phaseOf(mailbox: string, seed: number): number {
  // FNV-1a, and MurmurHash3's last mixing: addresses that differ in their last digits must lie far apart.
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < mailbox.length; i++) hash = Math.imul(hash ^ mailbox.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

function shortest({ refresh, refreshNear, refreshIdle }: Paces): number {
  return Math.min(refresh, refreshNear, refreshIdle);
}
