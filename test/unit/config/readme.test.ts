import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { load, makeConfigurationFolder } from './configuration-files.ts';

const read = (name: string) => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8');
const readme = read('README.md');

/** The indented block below the line that ends so, without its indentation. */
function blockBelow(line: string): string {
  const [, after = ''] = readme.split(`${line}\n\n`);
  return (/^(?: {4}.*\n|\n)+/.exec(after)?.[0] ?? '').replaceAll(/^ {4}/gm, '');
}

test('the configuration in the README is valid as it stands', async () => {
  const asWritten = blockBelow('`/etc/presence-gateway/gateway.yaml`');
  const folder = makeConfigurationFolder();
  try {
    const yaml = asWritten.replace('/var/lib/presence-gateway', folder.path);
    expect(yaml).not.toBe(asWritten);
    const { configuration, warnings } = await load(folder, yaml);
    expect(warnings).toEqual([]);
    expect(configuration.xmpp.domain).toBe('calendar.example.com');
  } finally {
    folder.remove();
  }
});
