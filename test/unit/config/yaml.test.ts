import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfiguration } from '../../../config/load.ts';
import type { TempFolder } from '../../support/temp-folder.ts';
import { addBelow, change, load, makeConfigurationFolder, minimal, problemsOf } from './configuration-files.ts';

let folder: TempFolder;
beforeAll(() => {
  folder = makeConfigurationFolder();
});
afterAll(() => folder.remove());

const domain = '  domain: calendar.example.com';
const rule = "  rule: '{local}@example.com'";
const begin = 'expected keys and values, beginning with xmpp:';

describe('a text that is no configuration', () => {
  test.each([
    ['nothing', '', `1:1: found an empty file, ${begin}`],
    ['comments only', '# xmpp:\n', `1:1: found an empty file, ${begin}`],
    ['a list', '- xmpp\n', `1:1: found a list, ${begin}`],
    [
      'two documents',
      `${minimal}---\n${minimal}`,
      '14:1: found a second document, expected one: no further line that begins with ---',
    ],
    ['a tab', addBelow(domain, '\tport: 5347'), '3:1: found a tab, expected spaces: YAML is not indented by tabs'],
    [
      'a key twice',
      addBelow(domain, `${domain}`),
      '3:3: xmpp.domain: found the key a second time, expected it once (it stands in line 2)',
    ],
    [
      'a section twice',
      `${minimal}xmpp: {}\n`,
      '14:1: xmpp: found the key a second time, expected it once (it stands in line 1)',
    ],
    [
      'a rule without quotes',
      change(rule, '  rule: {local}@example.com'),
      '11:16: found text that YAML does not allow here, expected a value in quotes, if it holds { } [ ] or a quote',
    ],
    [
      'a star without quotes',
      addBelow(domain, '  host: *local'),
      '3:9: xmpp.host: found a value that begins with *, which YAML takes for an alias, expected such a value in quotes',
    ],
    [
      'an account with a backslash in double quotes',
      change('      username: svc-presence', '      username: "DOM\\user"'),
      '8:21: found a backslash within double quotes that YAML does not know, expected single quotes, or each backslash twice',
    ],
    [
      'a key without its colon',
      addBelow(domain, '  port 5347'),
      '3:3: found a line that is no "key: value", expected a ":" and a space after the key',
    ],
    [
      'an anchor within itself',
      `${minimal}log: &a [*a]\n`,
      '14:10: found aliases (*) that multiply, expected at most 100 of them',
    ],
    ['brackets without end', '['.repeat(100_000), '1:1: found a value nested too deep, expected fewer brackets'],
    ['dashes without end', '- '.repeat(100_000), '1:1: found a value nested too deep, expected fewer brackets'],
  ])('%s', async (_, yaml, problem) => {
    expect(await problemsOf(folder, yaml)).toEqual([`gateway.yaml:${problem}`]);
  });

  test('several faults of the text are all told', async () => {
    const yaml = `${addBelow(domain, '  host: @x')}log: %y\n`;
    expect(await problemsOf(folder, yaml)).toEqual([
      'gateway.yaml:3:9: found a value that begins with a character that YAML reserves, expected such a value in quotes',
      'gateway.yaml:15:6: found a value that begins with a character that YAML reserves, expected such a value in quotes',
    ]);
  });

  test('anchors that multiply are refused before they fill the memory', async () => {
    const names = 'abcdefghij';
    const doublings = [...names].map(
      (name, i) => `${name}: &${name} [${i === 0 ? 'x' : Array(9).fill(`*${names[i - 1]}`)}]`,
    );
    const started = performance.now();
    const problems = await problemsOf(folder, doublings.join('\n'));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('found aliases (*) that multiply');
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  test('a file that is not UTF-8 is named as such', async () => {
    const latin1 = Buffer.from(minimal.replace('svc-presence', 'svc-präsenz'), 'latin1');
    const utf16 = Buffer.from(`\uFEFF${minimal}`, 'utf16le');
    const problem = ['gateway.yaml: found bytes that are not UTF-8, expected a file saved as UTF-8'];
    expect(await problemsOf(folder, latin1)).toEqual(problem);
    expect(await problemsOf(folder, utf16)).toEqual(problem);
  });

  test('a file that is not there, a folder and a huge file are named as such', async () => {
    const missing = folder.file('missing.yaml');
    await expect(loadConfiguration(missing, {})).rejects.toThrow(
      `${missing}: found a file which does not exist, expected a YAML file that can be read`,
    );
    await expect(loadConfiguration(folder.path, {})).rejects.toThrow('found a file which is a folder');
    expect(await problemsOf(folder, `${minimal}#${' '.repeat(1024 * 1024)}`)).toEqual([
      'gateway.yaml: found a file that is too large, expected at most 1 MiB',
    ]);
  });
});

describe('a text that is a configuration all the same', () => {
  test('one anchor saves repetition', async () => {
    const yaml = change('  domains: [example.com]', '  domains: *served').replace(
      '      username: svc-presence',
      '      username: svc-presence\n      domains: &served [example.com]',
    );
    const { configuration } = await load(folder, yaml);
    expect(configuration.watchers.domains).toEqual(['example.com']);
  });

  test('no, on and digits are texts where texts are wanted as keys', async () => {
    const { configuration } = await load(
      folder,
      addBelow(rule, '  contacts: { no: a@example.com, 4711: b@example.com }'),
    );
    expect([...configuration.directory.contacts]).toEqual([
      ['4711', 'b@example.com'],
      ['no', 'a@example.com'],
    ]);
  });
});
