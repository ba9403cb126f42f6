import { expect, test } from 'vitest';
import { type BusyPeriod, buildTimeline } from '../../../component/calendar/timeline.ts';
import { type Look, presenceKey, UNKNOWN } from '../../../component/presence/presence.ts';
import { type PresencePolicy, presenceAt } from '../../../component/presence/presence-policy.ts';
import { HOUR, MINUTE } from '../../../component/runtime/clock.ts';
import { plainRules } from '../../support/presence-rules.ts';

const ALICE = 'alice@example.com';
const SLOW = 'alice@slow.example.com';
const NOW = Date.UTC(2026, 0, 5, 9);
const rules = plainRules({
  Free: { available: true, status: {} },
  Tentative: { available: true, status: {} },
  WorkingElsewhere: { available: true, status: { en: 'Working elsewhere' } },
  Busy: { available: true, show: 'dnd', status: { en: 'In a meeting' } },
  OOF: { available: true, show: 'away', status: { en: 'Away' } },
});
const policy: PresencePolicy = {
  rulesOf: () => rules,
  staleAfter: (mailbox) => (mailbox === SLOW ? 3 * HOUR : HOUR),
  agedAfter: 10 * MINUTE,
};
const fetched = (fetchedAt: number, ...periods: BusyPeriod[]) =>
  buildTimeline(periods, { start: fetchedAt - HOUR, end: fetchedAt + 48 * HOUR }, fetchedAt);
const shownAt = (...args: Parameters<typeof presenceAt>) => presenceAt(...args).presence;
const nextLook = (...args: Parameters<typeof presenceAt>) => presenceAt(...args).nextLook;

const now = (status: BusyPeriod['status']): BusyPeriod => ({ start: NOW - MINUTE, end: NOW + MINUTE, status });

test.each([
  ['Free', undefined, {}],
  ['Tentative', undefined, {}],
  ['Busy', 'dnd', { en: 'In a meeting' }],
  ['OOF', 'away', { en: 'Away' }],
  ['WorkingElsewhere', undefined, { en: 'Working elsewhere' }],
] as const)('%s shows as %s %o', (status, show, texts) => {
  const { look, since, until } = shownAt(ALICE, fetched(NOW, now(status)), NOW, policy);
  expect(look).toEqual({ available: true, ...(show === undefined ? {} : { show }), status: texts });
  expect([since, until]).toEqual([undefined, undefined]);
});

test('where watchers may see times, they see since when and until when somebody is busy', () => {
  const open = { ...policy, rulesOf: () => ({ ...rules, times: true }) };
  const shown = shownAt(ALICE, fetched(NOW, now('Busy')), NOW, open);
  expect([shown.since, shown.until]).toEqual([NOW - MINUTE, NOW + MINUTE]);
  const before = shownAt(ALICE, fetched(NOW, now('Busy')), NOW - 2 * MINUTE, open);
  expect([before.since, before.until]).toEqual([undefined, undefined]);
});

test('where texts say until when, they go by the clocks of the configured zone', () => {
  const open = { ...policy, rulesOf: () => ({ ...rules, times: true, textZone: 'Europe/Berlin' }) };
  const busyUntil = (end: number) =>
    shownAt(ALICE, fetched(NOW, { start: NOW - MINUTE, end, status: 'Busy' }), NOW, open).untilText;
  expect(busyUntil(NOW + HOUR)).toEqual({ at: NOW + 2 * HOUR, daysAhead: 0 });
  // Midnight is the next day's.
  expect(busyUntil(NOW + 14 * HOUR)).toEqual({ at: NOW + 15 * HOUR, daysAhead: 1 });
  expect(busyUntil(NOW + 49 * HOUR)).toBeUndefined();
  expect(shownAt(ALICE, fetched(NOW), NOW, open).untilText).toBeUndefined();
});

test('nothing is claimed while nothing is known: no answer, no data, outside the window', () => {
  const unknown = [
    shownAt(ALICE, undefined, NOW, policy),
    shownAt(ALICE, fetched(NOW, now('NoData')), NOW, policy),
    shownAt(ALICE, { ...fetched(NOW), end: NOW - 1 }, NOW, policy),
  ];
  expect(unknown.map(({ look }) => look.available)).toEqual([false, false, false]);
});

test('what is old says how old it is, and what is too old is unknown', () => {
  const busy = { start: NOW - 3 * HOUR, end: NOW + 3 * HOUR, status: 'Busy' } as const;
  expect(shownAt(ALICE, fetched(NOW - 9 * MINUTE, busy), NOW, policy).asOf).toBeUndefined();
  expect(shownAt(ALICE, fetched(NOW - 11 * MINUTE, busy), NOW, policy).asOf).toBe(NOW - 11 * MINUTE);
  expect(shownAt(ALICE, fetched(NOW - HOUR, busy), NOW, policy).look.available).toBe(false);
});

test('the next look is at the next transition, or when the timeline becomes stale', () => {
  expect(nextLook(ALICE, fetched(NOW, now('Busy')), NOW, policy)).toBe(NOW + MINUTE);
  expect(nextLook(ALICE, fetched(NOW - 20 * MINUTE), NOW, policy)).toBe(NOW + 40 * MINUTE);
  expect(nextLook(ALICE, fetched(NOW - HOUR), NOW, policy)).toBeUndefined();
});

test('how old is too old depends on the mailbox’s server', () => {
  const timeline = fetched(NOW - 2 * HOUR, now('Busy'));
  expect(shownAt(ALICE, timeline, NOW, policy).look.available).toBe(false);
  expect(shownAt(SLOW, timeline, NOW, policy).look).toBe(rules.looks.Busy);
  expect(nextLook(SLOW, fetched(NOW - 2 * HOUR), NOW, policy)).toBe(NOW + HOUR);
});

test('looks that a watcher can’t tell apart have one key, others have others', () => {
  const { Free, Tentative, Busy, OOF } = rules.looks;
  const key = (look: Look, until?: number) => presenceKey({ ...UNKNOWN, look, until });
  expect(key(Free)).toBe(key(Tentative));
  expect(key({ available: true, status: {}, show: undefined })).toBe(key(Free));
  expect(presenceKey({ ...UNKNOWN, look: Busy, since: 1, asOf: 2 })).toBe(key(Busy));
  expect(new Set([key(Free), key(Busy), key(Busy, 1), key(Busy, 2), key(OOF), key({ available: false })]).size).toBe(6);
});
