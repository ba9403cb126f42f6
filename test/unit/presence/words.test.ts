import { describe, expect, test } from 'vitest';
import { withUntil, wordsOf } from '../../../component/presence/words.ts';

/** Tuesday, half past ten, by the clocks where it is read. */
const HALF_PAST_TEN = Date.UTC(2026, 11, 8, 10, 30);
const until = (language: string, daysAhead: number) => withUntil('Busy', language, { at: HALF_PAST_TEN, daysAhead });

describe('a status that ends', () => {
  test.each([
    ['en', 'Busy until 10:30', 'Busy until Tuesday, 10:30'],
    ['de', 'Busy bis 10:30', 'Busy bis Dienstag, 10:30'],
    ['es', 'Busy hasta las 10:30', 'Busy hasta el martes a las 10:30'],
    ['fr-CA', 'Busy jusqu’à 10:30', 'Busy jusqu’au mardi à 10:30'],
    ['IT', 'Busy fino alle 10:30', 'Busy fino a martedì alle 10:30'],
    ['nl', 'Busy tot 10:30', 'Busy tot dinsdag 10:30'],
    ['pt-BR', 'Busy até às 10:30', 'Busy até terça-feira às 10:30'],
    ['pl', 'Busy (→ 10:30)', 'Busy (→ 2026-12-08 10:30)'],
  ])('says so in %s', (language, today, otherDay) => {
    expect([until(language, 0), until(language, 3)]).toEqual([today, otherDay]);
  });

  test('says its date from a week on, when there are two such days', () => {
    expect(until('de', 6)).toBe('Busy bis Dienstag, 10:30');
    expect(until('de', 7)).toBe('Busy bis Dienstag, 8. Dezember, 10:30');
  });

  test('may itself hold what looks like a place for the time', () => {
    expect(withUntil('{time} $& {day}', 'en', { at: HALF_PAST_TEN, daysAhead: 0 })).toBe('{time} $& {day} until 10:30');
  });
});

test('a language that is a name of JavaScript’s is no language', () => {
  expect(wordsOf('constructor')).toBe(wordsOf('en'));
  expect(until('constructor', 0)).toBe('Busy (→ 10:30)');
});
