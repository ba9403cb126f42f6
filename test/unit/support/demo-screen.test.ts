import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { MINUTE } from '../../../component/runtime/clock.ts';
import { Screen, wantsColours } from '../../demo/screen.ts';
import type { World } from '../../demo/world.ts';

const NINE = new Date(2026, 0, 9, 9).getTime();

function open(colours = false) {
  const world: World = {
    entries: [{ person: 'Alice', start: NINE, end: NINE + 5 * MINUTE, status: 'Busy', subject: 'Planning' }],
    isSilent: false,
  };
  let printed = '';
  const write = (text: string): void => {
    printed += text;
  };
  const screen = new Screen({ write, colours, world });
  const lines = () => printed.split('\n').slice(0, -1);
  return { screen, world, lines };
}

const BUSY = 'do not disturb: In a meeting';

describe('the two columns', () => {
  test('what Bob received stands beside what the calendar says', () => {
    const { screen, lines } = open();
    screen.received({ person: 'Alice', at: NINE, what: BUSY });
    expect(lines()).toEqual([
      `  09:00  Alice  Busy until 09:05: Planning${' '.repeat(13)}Alice  do not disturb: In a meeting`,
    ]);
  });

  test('a change that Bob receives at once takes one line', () => {
    const { screen, lines } = open();
    screen.received({ person: 'Alice', at: NINE - MINUTE, what: 'available' });
    screen.look(NINE, 1_000);
    screen.received({ person: 'Alice', at: NINE, what: BUSY });
    screen.look(NINE + MINUTE, 9_000);
    expect(lines()).toHaveLength(2);
  });

  test('a change that Bob does not receive is printed without him', () => {
    const { screen, lines } = open();
    screen.received({ person: 'Alice', at: NINE - MINUTE, what: 'available' });
    screen.look(NINE, 1_000);
    expect(lines()).toHaveLength(1);
    screen.look(NINE + MINUTE, 2_000);
    screen.look(NINE + MINUTE, 3_000);
    expect(lines().slice(1)).toEqual(['  09:01  Alice  Busy until 09:05: Planning']);
  });

  test('a change that shows nothing new says so', () => {
    const { screen, world, lines } = open();
    world.entries.splice(0, 1, { ...(world.entries[0] as World['entries'][number]), status: 'Tentative' });
    screen.received({ person: 'Alice', at: NINE - MINUTE, what: 'available' });
    screen.look(NINE, 1_000);
    expect(lines()[1]).toMatch(/Tentative until 09:05: Planning +Alice {2}\(nothing new: still available\)$/);
  });

  test('while Exchange is silent, unavailable stands beside its silence', () => {
    const { screen, world, lines } = open();
    world.isSilent = true;
    screen.received({ person: 'Alice', at: NINE, what: 'unavailable' });
    expect(lines()[0]).toMatch(/Alice {2}\(Exchange is silent\) +Alice {2}unavailable$/);
  });

  test('long subjects are cut, so that the columns stay', () => {
    const { screen, world, lines } = open();
    world.entries.splice(0, 1, { ...(world.entries[0] as World['entries'][number]), subject: 'A'.repeat(80) });
    screen.received({ person: 'Alice', at: NINE, what: BUSY });
    expect(lines()[0]?.indexOf('Alice  do not')).toBe(55);
    expect(lines()[0]?.length).toBeLessThanOrEqual(100);
  });
});

describe('colours', () => {
  test('are for terminals that can show them, unless NO_COLOR is set to something', () => {
    expect(wantsColours(true, {})).toBe(true);
    expect(wantsColours(false, {})).toBe(false);
    expect(wantsColours(true, { NO_COLOR: '1' })).toBe(false);
    expect(wantsColours(true, { NO_COLOR: '' })).toBe(true);
    expect(wantsColours(true, { TERM: 'dumb' })).toBe(false);
  });

  test('change nothing but the colour', () => {
    const [plain, coloured] = [open(false), open(true)];
    for (const { screen } of [plain, coloured]) screen.received({ person: 'Alice', at: NINE, what: BUSY });
    const [line = ''] = coloured.lines();
    expect(line).toContain('\u001b[31m');
    expect(stripVTControlCharacters(line)).toBe(plain.lines()[0]);
  });
});
