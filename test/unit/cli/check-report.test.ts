import { describe, expect, test } from 'vitest';
import { createCheckReport } from '../../../adapters/cli/check-report.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function report(options: { json?: boolean; isTerminal?: boolean; places?: readonly string[] } = {}) {
  let text = '';
  const { json = false, isTerminal = false, places = ['hq', 'branch'] } = options;
  const clock = new FakeClock(0);
  const written = createCheckReport({
    ...{ json, isTerminal, places, clock },
    write: (some) => {
      text += some;
    },
  });
  const lines = () => text.split('\n');
  /** The first words of the lines. */
  const order = () => lines().map((line) => line.split(' ', 1)[0]);
  return { ...written, clock, lines, order };
}

const fine = { step: 'tls', severity: 'ok', seen: 'fine' } as const;

describe('the report of a check', () => {
  test('has a line for each finding, which begins with the name, and in the end one for each place', () => {
    const { add, end, lines } = report();
    add('hq', fine);
    add('branch', { step: 'free-busy', severity: 'error', seen: 'no', advice: 'Mend it' });
    add('branch', { service: 'autodiscover', step: 'tls', severity: 'error', seen: 'bad' });
    add('branch', { step: 'version', severity: 'warning', seen: 'old' });
    expect(end()).toBe('error');
    expect(lines().map((line) => line.replace(/ {3,}/g, '  '))).toEqual([
      'hq  ok  tls  fine',
      '',
      'branch  error  free-busy  no',
      'branch  → Mend it',
      'branch  error  autodiscover tls  bad',
      'branch  warning  version  old',
      '',
      'hq  ok  =  all is well',
      'branch  error  =  does not work: free-busy, autodiscover tls; should be mended, too: version',
      '',
      '2 places checked: 2 errors, 1 warning',
      '',
    ]);
    // Aligned.
    expect(new Set(lines().flatMap((line) => /fine|no$|bad|old/.exec(line)?.index ?? [])).size).toBe(1);
  });

  test('keeps the lines of a place together, in the order of the configuration', () => {
    const { add, done, order, clock } = report();
    add('branch', fine);
    add('hq', fine);
    add('branch', fine);
    done('branch');
    expect(order()).toEqual(['']);
    add('hq', fine);
    done('hq');
    expect(order()).toEqual(['hq', 'hq', '', 'branch', 'branch', '']);
    expect(clock.pending).toBe(0);
  });

  test('holds a place back for three seconds at most, and none that is its turn', () => {
    const { add, done, order, clock } = report({ places: ['a', 'slow', 'b', 'c'] });
    for (const place of ['a', 'c', 'b']) {
      add(place, fine);
      done(place);
    }
    expect(order()).toEqual(['a', '']);
    clock.advance(2_999);
    expect(order()).toEqual(['a', '']);
    clock.advance(1);
    expect(order()).toEqual(['a', '', 'b', '', 'c', '']);
    add('slow', fine);
    done('slow');
    expect(order()).toEqual(['a', '', 'b', '', 'c', '', 'slow', '']);
  });

  test('shows what was found of a place that was broken off', () => {
    const { add, done, flush, order, clock } = report();
    add('hq', fine);
    add('branch', fine);
    done('branch');
    flush();
    flush();
    expect(order()).toEqual(['hq', '', 'branch', '']);
    expect(clock.pending).toBe(0);
  });

  test('is an object a line with --json, the last of them the summary', () => {
    const { add, end, lines } = report({ json: true });
    add('hq', { service: 'autodiscover', step: 'tls', severity: 'warning', seen: 'soon', advice: 'Renew' });
    // At once: nobody need wait for the rest.
    expect(lines()).toHaveLength(2);
    expect(end()).toBe('warning');
    expect(
      lines()
        .filter(Boolean)
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { server: 'hq', service: 'autodiscover', step: 'tls', severity: 'warning', seen: 'soon', advice: 'Renew' },
      {
        summary: {
          worst: 'warning',
          counts: { ok: 0, info: 0, warning: 1, error: 0 },
          servers: { hq: 'warning', branch: 'ok' },
        },
      },
    ]);
  });

  test('lets no server command the terminal or begin a line of its own', () => {
    const { add, done, lines } = report();
    add('hq', { step: 'tls', severity: 'ok', seen: 'a\u001b[2Jb\r\nbranch  ok\u2028c\u202ed' });
    done('hq');
    expect(lines()[0]).toMatch(/a \[2Jb branch {2}ok c d$/);
    expect(lines()).toHaveLength(2);
  });

  test('has colours on a terminal only', () => {
    const [coloured, plain] = [report({ isTerminal: true }), report()];
    for (const { add, done } of [coloured, plain]) {
      add('hq', { step: 'tls', severity: 'error', seen: 'no' });
      done('hq');
    }
    expect(plain.lines().join('')).not.toContain('\u001b');
    expect(coloured.lines().join('')).toContain('\u001b[31m');
  });
});
