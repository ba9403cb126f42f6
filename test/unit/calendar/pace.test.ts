import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  longestPause,
  lookAhead,
  nextAsk,
  type PaceFacts,
  type Paces,
  phaseOf,
} from '../../../component/calendar/pace.ts';
import { buildTimeline } from '../../../component/calendar/timeline.ts';
import { HOUR, MINUTE } from '../../../component/runtime/clock.ts';

const NOW = Date.UTC(2026, 0, 5, 9);
const paces: Paces = { refresh: 5 * MINUTE, refreshNear: 2 * MINUTE, refreshIdle: 30 * MINUTE };
const meeting = (start: number, end: number) =>
  buildTimeline([{ start, end, status: 'Busy' }], { start: NOW - HOUR, end: NOW + 48 * HOUR }, NOW);
const idle: PaceFacts = { askedAt: NOW, timeline: meeting(NOW, NOW), isLively: false, phase: 0.3 };
const lively: PaceFacts = { ...idle, isLively: true };

/** The instants of a mailbox's next askings, each at its turn. */
function askings(facts: PaceFacts, count: number, its = paces): number[] {
  const instants = [facts.askedAt];
  while (instants.length <= count) instants.push(nextAsk({ ...facts, askedAt: instants.at(-1) as number }, its).due);
  return instants;
}

describe('a mailbox is asked for', () => {
  test('once in each round, which is a little shorter than its pace', () => {
    const between = (facts: PaceFacts) => askings(facts, 4).map((at, i, all) => at - (all[i - 1] ?? at));
    expect(between(lively).slice(2)).toEqual([4, 4, 4].map((minutes) => minutes * MINUTE));
    expect(between(idle).slice(2)).toEqual([24, 24, 24].map((minutes) => minutes * MINUTE));
  });

  test('by the default paces at least every half hour', () => {
    expect(longestPause(paces)).toBeLessThanOrEqual(30 * MINUTE);
  });

  test('more often around the changes of its calendar, and from ten minutes before them on', () => {
    const facts = { ...idle, timeline: meeting(NOW + HOUR, NOW + 3 * HOUR) };
    const minutes = askings(facts, 12).map((at) => (at - NOW) / MINUTE);
    const near = minutes.filter((minute) => minute > 50 && minute < 64);
    expect(near.length).toBeGreaterThanOrEqual(5);
    expect(near[0]).toBeLessThan(52.5);
    expect(minutes.filter((minute) => minute > 0 && minute < 50).length).toBeLessThanOrEqual(2);
    expect(minutes.filter((minute) => minute > 65 && minute < 110).length).toBeLessThanOrEqual(2);
  });

  test('not more often because the window begins or ends', () => {
    const window = { start: NOW, end: NOW + 5 * MINUTE };
    const timeline = buildTimeline([], window, NOW);
    expect(nextAsk({ ...idle, timeline }, paces)).toEqual(nextAsk({ ...idle, timeline: undefined }, paces));
  });

  test('never sooner than the shortest pace, however early it is taken along, and never later than the longest pause', () => {
    const pace = fc.integer({ min: 30_000, max: HOUR });
    const facts = fc.record({
      askedAt: fc.integer({ min: NOW, max: NOW + HOUR }),
      isLively: fc.boolean(),
      phase: fc.double({ min: 0, max: 0.999, noNaN: true }),
      change: fc.integer({ min: NOW - HOUR, max: NOW + 3 * HOUR }),
    });
    fc.assert(
      fc.property(facts, pace, pace, pace, ({ change, ...rest }, refresh, refreshNear, refreshIdle) => {
        const its = { refresh, refreshNear, refreshIdle };
        const { due, isNear } = nextAsk({ ...rest, timeline: meeting(change, change + HOUR) }, its);
        const shortest = Math.min(refresh, refreshNear, refreshIdle);
        const ahead = isNear ? lookAhead(its).near : lookAhead(its).calm;
        expect(due - ahead - rest.askedAt).toBeGreaterThanOrEqual(shortest - 1);
        expect(due - rest.askedAt).toBeLessThanOrEqual(longestPause(its) + 1);
      }),
    );
  });

  test('in every turn at the shortest pace, too, though it was taken along in one and late in another', () => {
    const its = { ...paces, refresh: MINUTE, refreshNear: MINUTE };
    for (const late of [-lookAhead(its).calm, 0, lookAhead(its).calm]) {
      const { due } = nextAsk({ ...lively, timeline: undefined }, its);
      const next = nextAsk({ ...lively, timeline: undefined, askedAt: due + late }, its).due;
      expect(next - due).toBeLessThan(1.3 * MINUTE);
    }
  });
});

test('the phases of mailboxes with similar addresses are spread evenly, and other ones in each run', () => {
  const buckets = new Array<number>(20).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const bucket = Math.floor(phaseOf(`user${i}@example.com`, 7) * 20);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  expect(Math.min(...buckets)).toBeGreaterThan(400);
  expect(Math.max(...buckets)).toBeLessThan(600);
  expect(phaseOf('alice', 1)).not.toBe(phaseOf('alice', 2));
});
