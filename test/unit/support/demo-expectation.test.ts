import { describe, expect, test } from 'vitest';
import { MINUTE } from '../../../component/runtime/clock.ts';
import { entryAt, expectedSteps, type Played, surelyBack } from '../../demo/expectation.ts';
import { type Entry, lively, people, type ShortStory, type Status, shortStory, timings } from '../../demo/story.ts';

const NINE = Date.UTC(2026, 0, 9, 9);

function entry(from: number, to: number, status: Status): Entry {
  return { person: 'Alice', start: NINE + from * MINUTE, end: NINE + to * MINUTE, status, subject: 'x' };
}

function played(story: ShortStory): Played {
  return { ...story, askedAt: NINE - 2 * MINUTE, stoppedAt: surelyBack(story) + MINUTE };
}

/** A story with these entries and an outage long after them. */
function calm(entries: readonly Entry[]): Played {
  return played({ entries, outage: { start: NINE + 100 * MINUTE, end: NINE + 110 * MINUTE } });
}

function words(steps: ReturnType<typeof expectedSteps>): string[] {
  return steps.map(({ what }) => what);
}

describe('what the demonstration expects Bob to receive', () => {
  test('the short story is the sequence that a reader of the calendar would write down', () => {
    const story = played(shortStory(NINE));
    const meeting = 'do not disturb: In a meeting';
    expect(words(expectedSteps('Alice', story))).toEqual([
      'accepts Bob',
      'available',
      meeting,
      'available',
      meeting,
      'unavailable',
      meeting,
      'unavailable',
    ]);
    expect(words(expectedSteps('Carol', story))).toEqual([
      'accepts Bob',
      'available',
      'away: Away',
      'available',
      'unavailable',
      'available',
      'unavailable',
    ]);
  });

  test('a change in the calendar is expected at its first second', () => {
    const changes = expectedSteps('Alice', calm([entry(1, 5, 'Busy')])).filter(({ isChange }) => isChange);
    expect(changes.map(({ from, until }) => [from, until])).toEqual([
      [NINE + MINUTE, NINE + MINUTE],
      [NINE + 5 * MINUTE, NINE + 5 * MINUTE],
    ]);
  });

  test('what looks the same as before is not expected again', () => {
    const touching = [entry(1, 5, 'Busy'), entry(5, 9, 'Busy'), entry(20, 25, 'Tentative')];
    const changes = expectedSteps('Alice', calm(touching)).filter(({ isChange }) => isChange);
    expect(changes.map(({ from }) => from)).toEqual([NINE + MINUTE, NINE + 9 * MINUTE]);
  });

  test('an absence hides a meeting', () => {
    const both = [entry(1, 9, 'Busy'), entry(3, 5, 'OOF')];
    expect(entryAt(both, 'Alice', NINE + 4 * MINUTE)?.status).toBe('OOF');
    expect(entryAt(both, 'Alice', NINE + 5 * MINUTE)?.status).toBe('Busy');
    expect(entryAt(both, 'Carol', NINE + 4 * MINUTE)).toBeUndefined();
  });

  test('knowledge ends between two refreshes and nothing before staleAfter has passed', () => {
    const story = calm([]);
    const lost = expectedSteps('Alice', story)[2];
    expect(lost).toMatchObject({ what: 'unavailable', until: story.outage.start + timings.staleAfter });
    expect(lost?.from).toBe(story.outage.start + timings.staleAfter - 2 * timings.refresh);
  });

  test('a story whose calendar changes while nobody can tell what the gateway knows is refused', () => {
    const story = played({ entries: [entry(7, 60, 'Busy')], outage: { start: NINE, end: NINE + 10 * MINUTE } });
    expect(() => expectedSteps('Alice', story)).toThrow('ambiguous');
  });
});

describe('the lively day', () => {
  test.each([0, 1])('round %i keeps to its time, and its deeds come in order', (number) => {
    const { length, entries, deeds } = lively(number, NINE);
    for (const { start, end } of entries) {
      expect(start).toBeGreaterThanOrEqual(NINE);
      expect(end).toBeGreaterThan(start);
      expect(end).toBeLessThanOrEqual(NINE + length);
    }
    const times = deeds.map(({ at }) => at);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(new Set(entries.map(({ person }) => person))).toEqual(new Set(people));
  });

  test('what is cancelled is in the calendar', () => {
    for (const number of [0, 1]) {
      const { entries, deeds } = lively(number, NINE);
      for (const { at, deed } of deeds) {
        if (deed.type !== 'cancels') continue;
        const { person, subject } = deed;
        expect(entries.filter((one) => one.person === person && one.subject === subject && one.end > at)).toHaveLength(
          1,
        );
      }
    }
  });
});
