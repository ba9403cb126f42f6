// Judges what watchers saw by the calendars, in two ways that know nothing of the gateway's own reckoning.
//
// Freshness: at every moment a watcher sees what some version of the calendar says of that very second, and that
// version was the true one no longer ago than is documented. So what was known beforehand shows to the second, and an
// edit as soon as the pace, or a hint, promises.
//
// Exactness: it is the version that the server last gave, and `unavailable` exactly when that is too old.

import type { BusyStatus } from '../../../component/calendar/busy-status.ts';
import { longestPause } from '../../../component/calendar/pace.ts';
import { HOUR, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { type Calendar, trueStatus } from './calendar.ts';
import { REQUEST_LIMIT, SLOWEST_ANSWER } from './exchange-model.ts';
import { type DayPlan, type MailboxPlan, type Moment, momentsOf, type Outage, wallAt } from './plan.ts';
import { COALESCE, PACES, STALE_AFTER } from './play-day.ts';
import type { History, MailboxRecord } from './record.ts';

export type Verdict = {
  /** What watchers saw change, each judged. */
  transitions: number;
  /** Spans of time, each with one thing to see, that were compared. */
  comparisons: number;
  edits: number;
  /** The longest that a visible edit took without a hint and without trouble, in milliseconds. */
  slowestEdit: number;
  failures: string[];
};

const shownAs: Readonly<Record<BusyStatus, string>> = {
  ...{ NoData: 'unavailable', Free: 'available', Tentative: 'chat', WorkingElsewhere: 'xa', Busy: 'dnd', OOF: 'away' },
};

/** Before this the gateway may still be asking for the first time. */
const WARM_UP = 2 * MINUTE;
/** The way of an answer, and a wait for a free slot. */
const ON_THE_WAY = SLOWEST_ANSWER + 2 * SECOND;
/** From a hint to what it brings, where the mailbox is just being asked for: that answer may not know it yet. */
const HINTED = COALESCE + 2 * ON_THE_WAY;
/** All mailboxes at once are asked for in this time. */
const DRAIN = 90 * SECOND;
/** The gateway looks at the wall clock once a second. */
const JUMP_SEEN = 1.1 * SECOND;
/** Shorter than this nobody sees it: a transition is on the second. */
const TOLERANCE = 20;
const MOST_FAILURES = 20;

const idleLimit = longestPause(PACES) + ON_THE_WAY;
const livelyLimit = longestPause({ ...PACES, refreshIdle: PACES.refresh }) + ON_THE_WAY;
/** So long after a probe, whatever the wall clock says: an hour, in whole minutes. */
const LIVELY = 59 * MINUTE;

/** A time without answers, and until when there is one again at the latest. */
type Blackout = { readonly from: Moment; readonly to: Moment; readonly until: Moment };

export function judge(plan: DayPlan, records: readonly MailboxRecord[]): Verdict {
  const verdict: Verdict = { transitions: 0, comparisons: 0, edits: 0, slowestEdit: 0, failures: [] };
  plan.mailboxes.forEach((planned, number) => {
    const seen = records[number];
    if (seen === undefined || verdict.failures.length >= MOST_FAILURES) return;
    new MailboxJudge(plan, planned, seen, verdict).judge();
  });
  return verdict;
}

class MailboxJudge {
  readonly #plan: DayPlan;
  readonly #planned: MailboxPlan;
  readonly #seen: MailboxRecord;
  readonly #verdict: Verdict;
  readonly #blackouts: readonly Blackout[];

  constructor(plan: DayPlan, planned: MailboxPlan, seen: MailboxRecord, verdict: Verdict) {
    this.#plan = plan;
    this.#planned = planned;
    this.#seen = seen;
    this.#verdict = verdict;
    this.#blackouts = blackoutsOf(plan, planned);
  }

  judge(): void {
    const { histories, probes } = this.#seen;
    this.#verdict.edits += this.#planned.versions.length - 1;
    const boundaries = this.#boundaries();
    histories.forEach((history, watcher) => {
      this.#verdict.transitions += history.at.filter((at) => at > WARM_UP).length;
      this.#compare(watcher, history, boundaries);
    });
    this.#comparePace();
    for (const { at, shown, seen } of probes) {
      if (shown !== seen && at > WARM_UP) this.#fail(0, at, 'a probe', shown, seen ?? 'nothing');
    }
  }

  /** Between two of these nothing changes: not what is to be seen, nor what is allowed. */
  #boundaries(): Moment[] {
    const { versions, probes } = this.#planned;
    const { answers, hints } = this.#seen;
    const moments: Moment[] = [];
    const instants = new Set(versions.flatMap(({ calendar }) => calendar.flatMap(({ start, end }) => [start, end])));
    for (const instant of instants) moments.push(...momentsOf(this.#plan, instant));
    const limits = [idleLimit, livelyLimit, ...this.#plan.jumps.map(({ by }) => idleLimit + Math.abs(by))];
    for (const { from } of versions) moments.push(from, ...limits.map((limit) => from + limit));
    for (const { from, until } of this.#blackouts) {
      const lastHeard = [from - idleLimit, from, ...this.#plan.jumps.flatMap(({ at }) => [at, at - 1])];
      const isStale = lastHeard.map((at) => wallAt(this.#plan, at) + STALE_AFTER);
      moments.push(from, until, ...isStale.flatMap((wall) => momentsOf(this.#plan, wall)));
    }
    for (const { at } of hints) moments.push(at + HINTED);
    for (const at of probes)
      moments.push(at + livelyLimit, at + LIVELY, ...momentsOf(this.#plan, wallAt(this.#plan, at) + LIVELY));
    for (const { at, by } of this.#plan.jumps) {
      moments.push(at, at + JUMP_SEEN, at + DRAIN, at + idleLimit + Math.abs(by));
    }
    for (const { at, askedAt } of answers) moments.push(at, ...momentsOf(this.#plan, askedAt + STALE_AFTER));
    return moments;
  }

  #compare(watcher: number, { at, shows }: History, boundaries: readonly Moment[]): void {
    const { length, jumps } = this.#plan;
    const all = [...boundaries, ...at, WARM_UP, length].filter((one) => one >= WARM_UP && one <= length);
    all.sort((a, b) => a - b);
    let change = -1;
    let answer = -1;
    for (let i = 0; i + 1 < all.length; i++) {
      const [from, to] = [all[i] as Moment, all[i + 1] as Moment];
      if (to - from <= TOLERANCE) continue;
      const moment = (from + to) / 2;
      while ((at[change + 1] ?? Number.POSITIVE_INFINITY) <= moment) change++;
      while ((this.#seen.answers[answer + 1]?.at ?? Number.POSITIVE_INFINITY) <= moment) answer++;
      if (jumps.some((jump) => jump.at <= moment && moment < jump.at + JUMP_SEEN)) continue;
      const seen = shows[change] ?? 'nothing';
      this.#verdict.comparisons++;
      const exact = this.#exact(moment, answer);
      if (seen !== exact) this.#fail(watcher, from, 'exactness', seen, exact);
      const allowed = this.#allowed(moment);
      if (!allowed.has(seen)) this.#fail(watcher, from, 'freshness', seen, [...allowed].join(' or '));
    }
  }

  /** How often the server was asked, and how soon that showed edits of which there was no hint. */
  #comparePace(): void {
    const { answers, hints } = this.#seen;
    const isTroubled = (from: Moment, to: Moment): boolean =>
      this.#blackouts.some((blackout) => blackout.from <= to && from <= blackout.until);
    const { versions } = this.#planned;
    [...answers, { at: this.#plan.length, version: 0 }].forEach(({ at, version }, i) => {
      const before = answers[i - 1] ?? { at: 0, version: 0 };
      if (isTroubled(before.at, at)) return;
      const waited = (since: Moment, limit: number): void => {
        if (at - since > limit) this.#fail(0, at, 'pace', `no answer for ${(at - since) / MINUTE} minutes`, 'one');
      };
      waited(before.at, idleLimit);
      for (const probe of this.#planned.probes) {
        const since = Math.max(before.at, probe);
        if (since < at && this.#isLivelyBy(probe, since)) waited(since, livelyLimit);
      }
      const changedAt = versions[version]?.from ?? 0;
      const isHinted = hints.some((hint) => hint.changedAt >= changedAt);
      if (version > before.version && !isHinted)
        this.#verdict.slowestEdit = Math.max(this.#verdict.slowestEdit, at - changedAt);
    });
  }

  /** By what the server last said. */
  #exact(moment: Moment, answer: number): string {
    const last = this.#seen.answers[answer];
    const wall = wallAt(this.#plan, moment);
    if (last === undefined || Math.abs(wall - last.askedAt) >= STALE_AFTER) return 'unavailable';
    return this.#shown(this.#planned.versions[last.version]?.calendar ?? [], moment);
  }

  /** By the calendars that were true not too long ago. */
  #allowed(moment: Moment): Set<string> {
    const { versions } = this.#planned;
    const oldest = this.#oldestView(moment);
    const allowed = new Set<string>();
    versions.forEach(({ from, calendar }, i) => {
      const to = versions[i + 1]?.from ?? Number.POSITIVE_INFINITY;
      if (from <= moment && to > oldest) allowed.add(this.#shown(calendar, moment));
    });
    const isJust = this.#plan.jumps.some(({ at }) => at <= moment && moment < at + DRAIN);
    if (isJust || this.#mayBeTooOld(moment)) allowed.add('unavailable');
    return allowed;
  }

  /** Whether the last answer before the trouble, whenever it came, may be too old by the wall clock. */
  #mayBeTooOld(moment: Moment): boolean {
    const blackout = this.#blackoutAt(moment);
    if (blackout === undefined) return false;
    const jumps = this.#plan.jumps.flatMap(({ at }) => [at, at - 1]);
    const first = blackout.from - idleLimit;
    const candidates = [first, blackout.from, ...jumps.filter((at) => first <= at && at <= blackout.from)];
    const wall = wallAt(this.#plan, moment);
    return candidates.some((at) => Math.abs(wall - wallAt(this.#plan, at)) >= STALE_AFTER);
  }

  /** When the calendar was read, at the latest, that is to be seen at a moment. */
  #oldestView(moment: Moment): Moment {
    const blackout = this.#blackoutAt(moment);
    const until = blackout?.from ?? moment;
    const isLively = this.#planned.probes.some((at) => at + livelyLimit <= until && this.#isLivelyBy(at, until));
    let oldest = until - (isLively ? livelyLimit : idleLimit);
    for (const { at, changedAt } of this.#seen.hints) {
      if (at + HINTED <= until) oldest = Math.max(oldest, changedAt);
    }
    return oldest;
  }

  /** Whether the mailbox is lively for a probe. */
  #isLivelyBy(probe: Moment, moment: Moment): boolean {
    if (moment < probe || moment >= probe + LIVELY) return false;
    return wallAt(this.#plan, moment) < wallAt(this.#plan, probe) + LIVELY;
  }

  #blackoutAt(moment: Moment): Blackout | undefined {
    return this.#blackouts.find(({ from, until }) => from <= moment && moment < until);
  }

  #shown(calendar: Calendar, moment: Moment): string {
    return shownAs[trueStatus(calendar, wallAt(this.#plan, moment))];
  }

  #fail(watcher: number, at: Moment, what: string, seen: string, expected: string): void {
    if (this.#verdict.failures.length >= MOST_FAILURES) return;
    const { mailbox, watchers } = this.#planned;
    this.#verdict.failures.push(
      `${what}: ${mailbox} at ${this.#time(at)}, ${watchers[watcher]} saw ${seen} instead of ${expected}; before that:\n` +
        this.#events(at, watcher).join('\n'),
    );
  }

  /** What happened to the mailbox in the time before. */
  #events(at: Moment, watcher: number): string[] {
    const events: [Moment, string][] = [];
    const add = (moment: Moment, text: string): void => {
      if (moment > at - 2 * HOUR && moment <= at + MINUTE) events.push([moment, text]);
    };
    const { versions, homes, errors, probes } = this.#planned;
    for (const [i, { from, calendar }] of versions.entries()) {
      add(from, `edit: version ${i} of the calendar, ${calendar.length} entries`);
    }
    for (const { from, server } of homes) add(from, `on server ${server}`);
    for (const { from, to, kind } of errors) add(from, `${kind} until ${this.#time(to)}`);
    for (const moment of probes) add(moment, 'probed');
    for (const blackout of this.#blackouts) {
      const text = `no answers until ${this.#time(blackout.to)}, late until ${this.#time(blackout.until)}`;
      if (blackout.from <= at && at < blackout.until) events.push([blackout.from, text]);
      else add(blackout.from, text);
    }
    for (const { at: moment, by } of this.#plan.jumps) add(moment, `the wall clock is set by ${by} ms`);
    for (const { at: moment, changedAt } of this.#seen.hints) add(moment, `hint of ${this.#time(changedAt)}`);
    for (const answer of this.#seen.answers) add(answer.at, `the server gave version ${answer.version}`);
    const { at: moments, shows } = this.#seen.histories[watcher] ?? { at: [], shows: [] };
    for (const [i, moment] of moments.entries()) add(moment, `shown: ${shows[i]}`);
    events.sort(([a], [b]) => a - b);
    return events.map(([moment, text]) => `  ${this.#time(moment)} ${text}`);
  }

  #time(moment: Moment): string {
    return `${(moment / HOUR).toFixed(6)} h (${new Date(wallAt(this.#plan, moment)).toISOString()})`;
  }
}

/** The mailbox's times without answers: of the servers that had it, or a while before, and of its own. */
function blackoutsOf({ outages }: DayPlan, { homes, errors }: MailboxPlan): Blackout[] {
  const blackouts: Blackout[] = [];
  for (const outage of outages) {
    const until = recoveryOf(outage);
    const isConcerned = homes.some(({ from, server }, i) => {
      const left = homes[i + 1]?.from ?? Number.POSITIVE_INFINITY;
      return server === outage.server && from <= until && left + idleLimit >= outage.from;
    });
    if (isConcerned) blackouts.push({ from: outage.from, to: outage.to, until });
  }
  for (const { from, to, kind } of errors) {
    const isPassing = kind === 'throttled' || kind === 'unreachable';
    const pause = isPassing ? PACES.refresh : PACES.refreshIdle;
    blackouts.push({ from, to, until: to + 1.15 * pause + ON_THE_WAY });
  }
  blackouts.sort((a, b) => a.from - b.from);
  const merged: Blackout[] = [];
  for (const blackout of blackouts) {
    const last = merged.at(-1);
    if (last === undefined || blackout.from > last.until) merged.push(blackout);
    else merged[merged.length - 1] = { from: last.from, to: blackout.to, until: Math.max(last.until, blackout.until) };
  }
  return merged;
}

/** Two back-off periods after the trouble: pauses double from 5 s to 5 min, give or take a quarter. */
function recoveryOf({ from, to, trouble, retryAfter }: Outage): Moment {
  const requested = trouble === 'hanging' ? REQUEST_LIMIT : 0;
  let least = 0;
  let pause = 5 * SECOND;
  for (; least < to - from; pause = Math.min(5 * MINUTE, 2 * pause)) least += requested + 0.75 * pause;
  const longest = Math.max(1.25 * pause, retryAfter, trouble === 'refused' ? MINUTE : 0);
  return to + requested + 2 * longest + DRAIN;
}
