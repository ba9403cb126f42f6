import { expect, test } from 'vitest';
import { type BusyPeriod, buildTimeline } from '../../../component/calendar/timeline.ts';
import { lookKey } from '../../../component/presence/presence.ts';
import { nextLook, type PresencePolicy, presenceAt } from '../../../component/presence/presence-policy.ts';
import { HOUR, MINUTE } from '../../../component/runtime/clock.ts';

const NOW = Date.UTC(2026, 0, 5, 9);
const policy: PresencePolicy = {
  looks: {
    Free: { available: true, status: {} },
    Tentative: { available: true, status: {} },
    WorkingElsewhere: { available: true, status: { en: 'Working elsewhere' } },
    Busy: { available: true, show: 'dnd', status: { en: 'In a meeting' } },
    OOF: { available: true, show: 'away', status: { en: 'Away' } },
  },
  staleAfter: HOUR,
  agedAfter: 10 * MINUTE,
};
const fetched = (fetchedAt: number, ...periods: BusyPeriod[]) =>
  buildTimeline(periods, { start: fetchedAt - HOUR, end: fetchedAt + 48 * HOUR }, fetchedAt);
const now = (status: BusyPeriod['status']): BusyPeriod => ({ start: NOW - MINUTE, end: NOW + MINUTE, status });

test.each([
  ['Free', undefined, {}],
  ['Tentative', undefined, {}],
  ['Busy', 'dnd', { en: 'In a meeting' }],
  ['OOF', 'away', { en: 'Away' }],
  ['WorkingElsewhere', undefined, { en: 'Working elsewhere' }],
] as const)('%s shows as %s %o', (status, show, texts) => {
  const { look, since } = presenceAt(fetched(NOW, now(status)), NOW, policy);
  expect(look).toEqual({ available: true, ...(show === undefined ? {} : { show }), status: texts });
  expect(since).toBe(status === 'Free' ? NOW - HOUR : NOW - MINUTE);
});

test('nothing is claimed while nothing is known: no answer, no data, outside the window', () => {
  const unknown = [
    presenceAt(undefined, NOW, policy),
    presenceAt(fetched(NOW, now('NoData')), NOW, policy),
    presenceAt({ ...fetched(NOW), end: NOW - 1 }, NOW, policy),
  ];
  expect(unknown.map(({ look }) => look.available)).toEqual([false, false, false]);
});

test('what is old says how old it is, and what is too old is unknown', () => {
  const busy = { start: NOW - 3 * HOUR, end: NOW + 3 * HOUR, status: 'Busy' } as const;
  expect(presenceAt(fetched(NOW - 9 * MINUTE, busy), NOW, policy).asOf).toBeUndefined();
  expect(presenceAt(fetched(NOW - 11 * MINUTE, busy), NOW, policy).asOf).toBe(NOW - 11 * MINUTE);
  expect(presenceAt(fetched(NOW - HOUR, busy), NOW, policy).look.available).toBe(false);
});

test('the next look is at the next transition, or when the timeline becomes stale', () => {
  expect(nextLook(fetched(NOW, now('Busy')), NOW, policy)).toBe(NOW + MINUTE);
  expect(nextLook(fetched(NOW - 20 * MINUTE), NOW, policy)).toBe(NOW + 40 * MINUTE);
  expect(nextLook(fetched(NOW - HOUR), NOW, policy)).toBeUndefined();
});

test('looks that a watcher can’t tell apart have one key, others have others', () => {
  const { Free, Tentative, Busy, OOF } = policy.looks;
  expect(lookKey(Free)).toBe(lookKey(Tentative));
  expect(lookKey({ available: true, status: {}, show: undefined })).toBe(lookKey(Free));
  expect(new Set([lookKey(Free), lookKey(Busy), lookKey(OOF), lookKey({ available: false })]).size).toBe(4);
});
