import { expect, test } from 'vitest';
import { createCheckProgress } from '../../../adapters/cli/check-progress.ts';

/** A terminal of one line: what it shows after each write. */
function terminalOf(columns: number) {
  let line = '';
  const write = (text: string) => {
    for (const part of text.split(/(?=\r)/)) line = part.startsWith('\r\u001b[K') ? part.slice(4) : line + part;
    return true;
  };
  return { columns, write, shown: () => line };
}

test('somebody who waits is told how many places are done and which are under way', () => {
  const terminal = terminalOf(80);
  const progress = createCheckProgress({ total: 3, terminal });
  progress.started('hq');
  progress.started('branch');
  expect(terminal.shown()).toBe('0 of 3 checked; under way: hq, branch');
  progress.finished('hq');
  expect(terminal.shown()).toBe('1 of 3 checked; under way: branch');
  let before = 'something';
  progress.around(() => {
    before = terminal.shown();
  });
  expect(before).toBe('');
  expect(terminal.shown()).toBe('1 of 3 checked; under way: branch');
  progress.end();
  expect(terminal.shown()).toBe('');
});

test('the line is never longer than the terminal is wide', () => {
  const terminal = terminalOf(40);
  const progress = createCheckProgress({ total: 3, terminal });
  for (const place of ['one', 'another-place', 'third']) progress.started(place);
  expect(terminal.shown()).toHaveLength(39);
  expect(terminal.shown()).toMatch(/^0 of 3 checked; under way: one, anoth.*…$/);
});

test('nothing is shown where there is no terminal', () => {
  const progress = createCheckProgress({ total: 1, terminal: undefined });
  let isPrinted = false;
  progress.started('hq');
  progress.around(() => {
    isPrinted = true;
  });
  expect(isPrinted).toBe(true);
});
