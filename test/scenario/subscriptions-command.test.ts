import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { runGateway } from '../support/gateway-command.ts';
import { gatewayConfig } from '../support/gateway-process.ts';
import { gatewayProgram, root } from '../support/gateway-program.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

let folder: TempFolder;
let config: string;
beforeEach(() => {
  folder = makeTempFolder();
  const { config: usual, files } = gatewayConfig({
    prosody: { componentPort: 9, domain: 'example.test', component: { domain: 'calendar.example.test', secret: 's' } },
    simulator: { url: 'http://127.0.0.1:9/EWS/Exchange.asmx' },
    overrides: { watchers: { maxSubscriptions: 3 } },
  });
  for (const [name, content] of Object.entries(files)) folder.write(name, content);
  config = folder.write('gateway.yaml', stringify(usual));
});
afterEach(() => folder.remove());

const subscriptions = (words: readonly string[], input?: string) =>
  runGateway(['subscriptions', ...words, '-c', config], input);

const good = `contact,watcher,state,since\r
bob,carol@example.test,pending,2026-03-02T09:00:00.000Z\r
"alice",bob@example.test,subscribed,2026-03-01T09:00:00.000Z\r
`;
const sorted = `contact,watcher,state,since\r
alice,bob@example.test,subscribed,2026-03-01T09:00:00.000Z\r
bob,carol@example.test,pending,2026-03-02T09:00:00.000Z\r
`;

const bad = `contact;watcher
alice;bob@example.test
alice;Bob@Example.test
carol;bob@elsewhere.test
"mallory@elsewhere.test";bob@example.test
dave;bob@example.test
erin;bob@example.test
frank;bob@example.test
`;

test('what is imported is listed and exported, and imported again as either format changes nothing', async () => {
  expect(await subscriptions(['import', folder.write('good.csv', good)])).toEqual({
    ...{ code: 0, stderr: '' },
    stdout: `2 subscriptions imported into ${folder.file('gateway.db')}; 0 were there already\n`,
  });
  const [csv, json] = [folder.file('out.csv'), folder.write('out.jsonl', 'an older one')];
  const exported = [['export'], ['export', '-o', csv], ['export', '-o', json]].map((words) => subscriptions(words));
  expect((await Promise.all(exported)).map(({ code, stdout }) => [code, stdout])).toEqual([
    [0, sorted],
    [0, `2 subscriptions written to ${csv}\n`],
    [0, `2 subscriptions written to ${json}\n`],
  ]);
  expect(readFileSync(csv, 'utf8')).toBe(sorted);
  expect(statSync(csv).mode & 0o777).toBe(0o600);
  expect(readFileSync(json, 'utf8').split('\n')[1]).toBe(
    '{"contact":"bob","watcher":"carol@example.test","state":"pending","since":"2026-03-02T09:00:00.000Z"}',
  );
  for (const file of [csv, json]) {
    const again = await subscriptions(['import', file]);
    expect(again).toMatchObject({
      code: 0,
      stdout: `0 subscriptions imported into ${folder.file('gateway.db')}; 2 were there already\n`,
    });
  }
});

test('a list is of a contact, of a watcher, or of the first ones, for people or as JSON', async () => {
  await subscriptions(['import', '-'], good);
  const [ofContact, ofWatcher, first] = await Promise.all([
    subscriptions(['list', '--contact', 'alice@calendar.example.test']),
    subscriptions(['list', '--watcher', 'Carol@example.test', '--json', '--limit', '5']),
    subscriptions(['list', '--limit', '1']),
  ]);
  expect(ofContact.stdout).toBe(
    'CONTACT  WATCHER           STATE       SINCE (UTC)\n' +
      'alice    bob@example.test  subscribed  2026-03-01T09:00:00\n\n1 subscription\n',
  );
  expect(JSON.parse(ofWatcher.stdout)).toMatchObject({ contact: 'bob', watcher: 'carol@example.test' });
  expect(first.stdout).toMatch(/^CONTACT.*\nalice .*\n\n1 subscription shown; there may be more\n$/);
});

describe('of a file with faulty lines', () => {
  const faults = [
    'standard input:3: the same contact and watcher are on line 2',
    'standard input:4: watcher “bob@elsewhere.test” may not watch carol (watchers)',
    'standard input:5: contact “mallory@elsewhere.test” is neither a local part nor a JID of calendar.example.test',
    'standard input:8: watcher “bob@example.test” would have more subscriptions than 3 (watchers.maxSubscriptions)',
  ];

  test('each is named with its number and why, and nothing is imported', async () => {
    const { code, stdout, stderr } = await subscriptions(['import', '-'], bad);
    expect([code, stdout]).toEqual([65, '']);
    expect(stderr.split('\n').slice(0, -2)).toEqual(faults);
    expect(stderr).toMatch(/4 records .*nothing was imported \(--skip-invalid/);
    expect((await subscriptions(['list'])).stdout).toBe('0 subscriptions\n');
  });

  test('the others are imported if that is asked for, and a rehearsal says so and changes nothing', async () => {
    const rehearsal = await subscriptions(['import', '-', '--skip-invalid', '--dry-run'], bad);
    expect(rehearsal).toMatchObject({
      code: 0,
      stdout: `3 subscriptions would be imported into ${folder.file('gateway.db')}; 0 are there already; 4 records left out\n`,
    });
    expect(await subscriptions(['list'])).toMatchObject({ code: 74, stderr: expect.stringContaining('no database') });
    const { code, stdout, stderr } = await subscriptions(['import', '--skip-invalid', '-'], bad);
    expect([code, stdout]).toEqual([
      0,
      `3 subscriptions imported into ${folder.file('gateway.db')}; 0 were there already; 4 records left out\n`,
    ]);
    expect(stderr.split('\n').slice(0, -1)).toEqual(faults);
  });
});

test('of a file that breaks off nothing is imported, even if faulty lines are to be skipped', async () => {
  const file = folder.write('broken.csv', 'contact,watcher\nalice,bob@example.test\nbob,"carol@example.test\n');
  const { code, stdout, stderr } = await subscriptions(['import', file, '--skip-invalid']);
  expect([code, stdout]).toEqual([65, '']);
  expect(stderr).toBe(
    `${file}:3: the record that begins here does not end: is a closing quote missing?\n` +
      'presence-gateway: nothing was imported\n',
  );
  expect((await subscriptions(['list'])).stdout).toBe('0 subscriptions\n');
});

test.each([
  [64, ['list', '--limit', 'all'], '--limit takes a whole number'],
  [64, ['export', '--format', 'xml'], '--format takes csv or json'],
  [64, ['list', '--contact', 'alice@example.test'], '--contact takes a contact of calendar.example.test'],
  [64, ['list', '--watcher', 'bob@example.test/desk'], '--watcher takes a JID'],
  [66, ['import', '/does/not/exist.csv'], 'can’t be read: ENOENT'],
  [74, ['export'], 'There is no database'],
])('ends with %d and says why: %j', async (expected, words, reason) => {
  const { code, stdout, stderr } = await subscriptions(words);
  expect([code, stdout]).toEqual([expected, '']);
  expect(stderr).toContain(reason);
});

test('an output that can’t be written is said, and a reader that has seen enough is no failure', async () => {
  const many = Array.from({ length: 20_000 }, (_, i) => `alice,w${i}@example.test`);
  await subscriptions(['import', '-'], ['contact,watcher', ...many].join('\n'));
  expect(await subscriptions(['export', '-o', '/does/not/exist.csv'])).toMatchObject({
    ...{ code: 74, stdout: '' },
    stderr: expect.stringContaining('/does/not/exist.csv can’t be written: ENOENT'),
  });
  const script = 'set -o pipefail; "$0" "$@" | head -n 1';
  const words = [process.execPath, ...gatewayProgram(), 'subscriptions', 'export', '-c', config];
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script, ...words], { cwd: root });
  expect([stdout, stderr]).toEqual(['contact,watcher,state,since\r\n', '']);
});
