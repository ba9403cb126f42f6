// Plays the scenarios of the points of conformance on every XMPP server, and prints which point holds where.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { xmppServers } from '../support/server-under-test.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { impossible, points } from './points.ts';

type Report = {
  readonly testResults: readonly { readonly name: string; readonly assertionResults: readonly Result[] }[];
};
type Result = { readonly status: string; readonly title: string };
type Outcome = { readonly scenario: string; readonly results: readonly Result[] };

const root = join(import.meta.dirname, '../..');
const folder = makeTempFolder();
const scenarios = readdirSync(join(root, 'test/scenario')).filter((name) => /^\d\d-/.test(name));
let failed = 0;

function play(server: string): readonly Outcome[] {
  const file = folder.file(`${server}.json`);
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const which = scenarios.map((name) => `test/scenario/${name}`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  spawnSync(process.execPath, [vitest, 'run', '--project', 'scenario', ...reporters, ...which], {
    cwd: root,
    env: { ...process.env, XMPP_SERVER: server },
    stdio: 'inherit',
  });
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  return report.testResults.map(({ name, assertionResults }) => ({
    scenario: basename(name, '.test.ts'),
    results: assertionResults,
  }));
}

/** What a point comes to on a server, and why not all of it where something is impossible there. */
function cell(server: string, outcomes: readonly Outcome[], point: number): string {
  const mine = outcomes.filter(({ scenario }) => Number(scenario.slice(0, 2)) === point);
  const results = mine.flatMap(({ scenario, results: all }) => all.map((result) => ({ scenario, ...result })));
  const passed = results.filter(({ status }) => status === 'passed').length;
  const rest = results.filter(({ status }) => status !== 'passed');
  const reasons = rest.map(({ scenario, status }) =>
    status === 'failed' ? undefined : impossible[`${server} ${scenario}`],
  );
  if (passed > 0 && reasons.every((reason) => reason !== undefined)) {
    return rest.length === 0 ? `${passed} passed` : `${passed} passed; impossible: ${reasons.join('; ')}`;
  }
  failed++;
  return results.length === 0 ? 'MISSING' : `FAILED: ${rest.map(({ title }) => title).join('; ')}`;
}

try {
  const outcomes = new Map(xmppServers.map((server) => [server, play(server)]));
  const rows = points.map((point, index) => [
    `${index + 1}`.padStart(2),
    point,
    ...xmppServers.map((server) => cell(server, outcomes.get(server) ?? [], index + 1)),
  ]);
  const table = [['', 'point', ...xmppServers], ...rows];
  const widths = [2, 80, 10];
  console.log();
  for (const row of table)
    console.log(
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  console.log(failed === 0 ? '\nOK: every point holds.' : `\n${failed} of ${2 * points.length} do not hold.`);
  process.exitCode = failed === 0 ? 0 : 1;
} finally {
  folder.remove();
}
