import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AvailabilityCache } from '../../../component/calendar/availability-cache.ts';
import { busyStatuses } from '../../../component/calendar/busy-status.ts';
import { type BusyPeriod, buildTimeline } from '../../../component/calendar/timeline.ts';
import type { Presence } from '../../../component/presence/presence.ts';
import { PresenceKeeper } from '../../../component/presence/presence-keeper.ts';
import type { PresenceRules } from '../../../component/presence/presence-policy.ts';
import { PresencePublisher } from '../../../component/presence/presence-publisher.ts';
import { HOUR, SECOND } from '../../../component/runtime/clock.ts';
import { presenceStanza } from '../../../component/xmpp/presence-stanza.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { plainRules } from '../../support/presence-rules.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const ALICE = 'alice@example.com';
const NINE = Date.UTC(2026, 0, 5, 9);
const plain = plainRules({
  Free: { available: true, status: {} },
  Tentative: { available: true, status: {} },
  WorkingElsewhere: { available: true, status: { en: 'Working elsewhere' } },
  Busy: { available: true, show: 'dnd', status: { en: 'In a meeting' } },
  OOF: { available: true, show: 'away', status: { en: 'Away' } },
});
const manners = fc.constantFrom<Partial<PresenceRules>>(
  {},
  { times: true },
  { times: true, textZone: 'Europe/Berlin' },
);

/** Alice with her calendar, and Bob who watches her: what is written for him, less what is said of the past. */
function setUp(rules: Partial<PresenceRules>) {
  const clock = new FakeClock(NINE);
  const logger = new RecordingLogger();
  const cache = new AvailabilityCache(clock);
  const said: string[] = [];
  const keeper: PresenceKeeper = new PresenceKeeper({
    ...{ clock, logger, cache },
    policy: { rulesOf: () => ({ ...plain, ...rules }), staleAfter: () => 2 * HOUR, agedAfter: 2 * HOUR },
    onLook: () => publisher.changed('alice'),
    onJump: () => undefined,
  });
  const write = (presence: Presence) => {
    const manner = { domain: 'calendar.example.net', language: 'en', priority: 0 };
    const { head, tail } = presenceStanza('alice', presence, manner);
    return `${head}bob@example.net${tail}`.replace(/ since="[^"]*"/, '').replace(/<calendar [^ ]*\/>/, '');
  };
  const publisher = new PresencePublisher({
    ...{ clock, logger, store: new MemoryStore(), repeatRate: 2000 },
    wire: {
      room: () => 1000,
      whenRoom: () => Promise.resolve(),
      announce: (announcements) =>
        announcements.every(({ presence, to }) => to.every(() => said.push(write(presence)) > 0)),
      say: (_, presence) => said.push(write(presence)) > 0,
    },
    presenceOf: () => keeper.presenceOf(ALICE),
    watchersOf: () => ['bob@example.net'],
  });
  /** Exchange has answered. */
  const answer = (...periods: BusyPeriod[]) => {
    const now = clock.now();
    const window = { start: now - HOUR, end: now + 48 * HOUR };
    cache.set(ALICE, { timeline: buildTimeline(periods, window, now), goneSince: undefined });
    keeper.look(ALICE);
  };
  cache.pin(ALICE);
  keeper.start();
  return {
    clock,
    answer,
    said,
    now: () => write(keeper.presenceOf(ALICE)),
    greet: () => publisher.greet('alice', 'bob@example.net'),
  };
}

/** Times are in seconds after nine: the machinery doesn't mind, and there is less to wait for. */
const entry = (start: number, end: number, status: BusyPeriod['status'] = 'Busy'): BusyPeriod => ({
  ...{ start: NINE + start * SECOND, end: NINE + end * SECOND, status },
});

/** Entries of one status, each of which begins before the one before it has ended, or so soon after it. */
function chain(longestGap: number) {
  const link = fc.record({ gap: fc.integer({ min: -6, max: longestGap }), length: fc.integer({ min: 1, max: 9 }) });
  return fc
    .tuple(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 5, max: 12 }), fc.array(link, { maxLength: 6 }))
    .map(([start, length, links]) => {
      const entries = [entry(start, start + length)];
      let end = start + length;
      for (const { gap, length: more } of links) {
        entries.push(entry(end + gap, end + gap + more));
        end = Math.max(end, end + gap + more);
      }
      return { entries, end };
    });
}

describe('meetings back to back are one: nothing is said in between', () => {
  test.each([
    ['where they touch or overlap', 0, 0],
    ['where the pause is shorter than the shortest that is shown', 4, 5],
  ])('%s', async (_, longestGap, shortest) => {
    await fc.assert(
      fc.asyncProperty(chain(longestGap), manners, async ({ entries, end }, manner) => {
        const { clock, answer, said, greet } = setUp({ ...manner, shortest: shortest * SECOND });
        answer(...entries);
        greet();
        for (let at = 0; at < end + 10; at += 3) {
          await clock.pass(3 * SECOND);
          answer(...entries);
        }
        expect(said.map((stanza) => /<show>dnd/.test(stanza))).toEqual([false, true, false]);
      }),
      { numRuns: 100 },
    );
  });
});

test('whatever changes is told, and nothing else is', async () => {
  const entries = fc.array(
    fc
      .tuple(fc.nat(40), fc.nat(20), fc.constantFrom(...busyStatuses))
      .map(([start, length, status]) => entry(start, start + length, status)),
    { maxLength: 5 },
  );
  const answers = fc.array(entries, { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(answers, manners, fc.nat(5), async (calendars, manner, shortest) => {
      const { clock, answer, said, now, greet } = setUp({ ...manner, shortest: shortest * SECOND });
      answer(...(calendars[0] as BusyPeriod[]));
      greet();
      for (const calendar of calendars) {
        answer(...calendar);
        for (let second = 0; second < 12; second++) {
          await clock.pass(SECOND);
          expect(said.at(-1)).toBe(now());
        }
      }
      for (const [index, stanza] of said.entries()) expect(stanza).not.toBe(said[index - 1]);
    }),
    { numRuns: 100 },
  );
});

test('a meeting that is lengthened while watchers read its end is one stanza, and asking again is none', async () => {
  const { clock, answer, said, greet } = setUp({ times: true, textZone: 'Europe/Berlin' });
  const until = (minutes: number) => entry(0, minutes * 60);
  answer(until(30));
  greet();
  await clock.pass(10 * SECOND);
  answer(until(90));
  await clock.pass(10 * SECOND);
  answer(until(90));
  await clock.pass(10 * SECOND);
  expect(
    said.map((stanza) => [/<status>(.*)<\/status>/.exec(stanza)?.[1], / until="([^"]*)"/.exec(stanza)?.[1]]),
  ).toEqual([
    ['In a meeting until 10:30', '2026-01-05T09:30:00Z'],
    ['In a meeting until 11:30', '2026-01-05T10:30:00Z'],
  ]);
});
