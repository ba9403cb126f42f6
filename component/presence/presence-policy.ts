import type { BusyStatus } from '../calendar/busy-status.ts';
import { nextTransition, statusAt, statusSince, type Timeline } from '../calendar/timeline.ts';
import type { Mailbox } from '../directory/directory.ts';
import type { Instant } from '../runtime/clock.ts';
import { type Look, type Presence, UNKNOWN } from './presence.ts';

export type PresencePolicy = {
  /** What each busy status looks like. NoData is not among them: what is not known is not shown. */
  readonly looks: Readonly<Record<Exclude<BusyStatus, 'NoData'>, Look>>;
  /** The age at which a mailbox's timeline no longer counts as knowledge, in milliseconds. */
  readonly staleAfter: (mailbox: Mailbox) => number;
  /** The age from which on presence says how old it is, in milliseconds (XEP-0203). */
  readonly agedAfter: number;
};

/** What a contact shows at an instant, by what is known of its mailbox. Unknown is never Free and never Busy. */
export function presenceAt(
  mailbox: Mailbox,
  timeline: Timeline | undefined,
  now: Instant,
  policy: PresencePolicy,
): Presence {
  if (timeline === undefined || isStale(timeline, now, policy.staleAfter(mailbox))) return UNKNOWN;
  const status = statusAt(timeline, now);
  if (status === 'NoData') return UNKNOWN;
  const aged = now - timeline.fetchedAt >= policy.agedAfter;
  return {
    look: policy.looks[status],
    since: statusSince(timeline, now),
    asOf: aged ? timeline.fetchedAt : undefined,
  };
}

/** When to look again: the calendar's next transition, or the end of what the timeline is good for. */
export function nextLook(
  mailbox: Mailbox,
  timeline: Timeline,
  now: Instant,
  policy: PresencePolicy,
): Instant | undefined {
  const staleAfter = policy.staleAfter(mailbox);
  if (isStale(timeline, now, staleAfter)) return undefined;
  const staleAt = timeline.fetchedAt + staleAfter;
  return Math.min(nextTransition(timeline, now) ?? staleAt, staleAt);
}

/** A timeline from the future (the clock was set back) is as doubtful as one from the past. */
function isStale(timeline: Timeline, now: Instant, staleAfter: number): boolean {
  return Math.abs(now - timeline.fetchedAt) >= staleAfter;
}
