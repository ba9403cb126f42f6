import { type CalendarRules, type ShownStatus, type Stretch, stretchAt } from '../calendar/shown-calendar.ts';
import type { Timeline } from '../calendar/timeline.ts';
import type { Mailbox } from '../directory/directory.ts';
import type { Instant } from '../runtime/clock.ts';
import { localDay, type TimeZone, zoneOffset } from '../runtime/time-zone.ts';
import { type Look, type Presence, UNKNOWN, type WallTime } from './presence.ts';

/** What each status looks like. NoData is not among them: what is not known is not shown. */
export type Looks = Readonly<Record<Exclude<ShownStatus, 'NoData'>, Look>>;

/** How one mailbox's calendar is shown. */
export type PresenceRules = Omit<CalendarRules, 'hours'> & {
  readonly looks: Looks;
  /** When the owner works: `mailbox`, as the mailbox says; undefined: nobody is off hours. */
  readonly hours: CalendarRules['hours'] | 'mailbox';
  /** Whether watchers see since when and until when. */
  readonly times: boolean;
  /** The zone in whose time the text says until when, where watchers see times; undefined: it does not. */
  readonly textZone?: TimeZone | undefined;
};

export type PresencePolicy = {
  /** The same object for all mailboxes with equal rules. */
  readonly rulesOf: (mailbox: Mailbox) => PresenceRules;
  /** The age at which a mailbox's timeline no longer counts as knowledge, in milliseconds. */
  readonly staleAfter: (mailbox: Mailbox) => number;
  /** The age from which on presence says how old it is, in milliseconds (XEP-0203). */
  readonly agedAfter: number;
};

/** What is shown, and when to look again; undefined: not before there is a new timeline. */
export type PresenceView = { readonly presence: Presence; readonly nextLook: Instant | undefined };

const NOTHING: PresenceView = { presence: UNKNOWN, nextLook: undefined };

/**
 * What a contact shows at an instant, by what is known of its mailbox. Unknown is never Free and never Busy. To be
 * looked at again when the calendar shows something else, or the timeline is good for nothing any more.
 */
export function presenceAt(
  mailbox: Mailbox,
  timeline: Timeline | undefined,
  now: Instant,
  policy: PresencePolicy,
): PresenceView {
  if (timeline === undefined) return NOTHING;
  const staleAfter = policy.staleAfter(mailbox);
  if (isStale(timeline, now, staleAfter)) return NOTHING;
  const rules = policy.rulesOf(mailbox);
  const stretch = stretchAt(timeline, now, calendarRules(timeline, rules));
  const nextLook = Math.min(stretch.until ?? timeline.end, timeline.fetchedAt + staleAfter);
  const aged = now - timeline.fetchedAt >= policy.agedAfter;
  return { presence: toPresence(stretch, now, rules, aged ? timeline.fetchedAt : undefined), nextLook };
}

function toPresence({ status, since, until }: Stretch, now: Instant, rules: PresenceRules, asOf?: Instant): Presence {
  if (status === 'NoData') return UNKNOWN;
  const told = rules.times && isBusy(status) ? until : undefined;
  return {
    look: rules.looks[status],
    since: rules.times ? since : undefined,
    until: told,
    untilText: told === undefined || rules.textZone === undefined ? undefined : wallTime(told, now, rules.textZone),
    asOf,
  };
}

/** When the next meeting begins nobody is told: it would be one stanza more for each that is booked. */
function isBusy(status: ShownStatus): boolean {
  return status !== 'Free' && status !== 'OffHours';
}

function wallTime(at: Instant, now: Instant, zone: TimeZone): WallTime {
  return { at: at + zoneOffset(zone, at), daysAhead: localDay(zone, at) - localDay(zone, now) };
}

function calendarRules(timeline: Timeline, rules: PresenceRules): CalendarRules {
  const { hours } = rules;
  return hours === 'mailbox' ? { ...rules, hours: timeline.hours } : (rules as CalendarRules);
}

/** A timeline from the future (the clock was set back) is as doubtful as one from the past. */
function isStale(timeline: Timeline, now: Instant, staleAfter: number): boolean {
  return Math.abs(now - timeline.fetchedAt) >= staleAfter;
}
