import { describe, expect, test } from 'vitest';
import { createCheckReport } from '../../../adapters/cli/check-report.ts';

function report(options: { json?: boolean; isTerminal?: boolean } = {}) {
  let text = '';
  const { json = false, isTerminal = false } = options;
  const written = createCheckReport({
    ...{ json, isTerminal, places: ['hq', 'branch'] },
    write: (some) => {
      text += some;
    },
  });
  return { ...written, lines: () => text.split('\n') };
}

describe('the report of a check', () => {
  test('has a line for each finding, which begins with the name, and in the end one for each place', () => {
    const { add, end, lines } = report();
    add('hq', { step: 'tls', severity: 'ok', seen: 'fine' });
    add('branch', { step: 'free-busy', severity: 'error', seen: 'no', advice: 'Mend it' });
    add('branch', { step: 'version', severity: 'warning', seen: 'old' });
    expect(end()).toBe('error');
    expect(lines().map((line) => line.replace(/ {3,}/g, '  '))).toEqual([
      'hq  ok  tls  fine',
      'branch  error  free-busy  no',
      'branch  → Mend it',
      'branch  warning  version  old',
      '',
      'hq  ok  =  all is well',
      'branch  error  =  something is to be mended',
      '',
      '2 places checked: 1 error, 1 warning',
      '',
    ]);
    // Aligned.
    expect(new Set(lines().flatMap((line) => /fine|no$|old/.exec(line)?.index ?? [])).size).toBe(1);
  });

  test('is an object a line with --json, the last of them the summary', () => {
    const { add, end, lines } = report({ json: true });
    add('hq', { step: 'tls', severity: 'warning', seen: 'soon', advice: 'Renew' });
    expect(end()).toBe('warning');
    expect(
      lines()
        .filter(Boolean)
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { server: 'hq', step: 'tls', severity: 'warning', seen: 'soon', advice: 'Renew' },
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
    const { add, lines } = report();
    add('hq', { step: 'tls', severity: 'ok', seen: 'a\u001b[2Jb\r\nbranch  ok\u2028c\u202ed' });
    expect(lines()[0]).toMatch(/a \[2Jb branch {2}ok c d$/);
    expect(lines()).toHaveLength(2);
  });

  test('has colours on a terminal only', () => {
    const [coloured, plain] = [report({ isTerminal: true }), report()];
    for (const { add } of [coloured, plain]) add('hq', { step: 'tls', severity: 'error', seen: 'no' });
    expect(plain.lines().join('')).not.toContain('\u001b');
    expect(coloured.lines().join('')).toContain('\u001b[31m');
  });
});
