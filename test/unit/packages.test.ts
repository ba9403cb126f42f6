import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

type Installed = { name: string; version: string; folder: string };

function installedBelow(modules: string): Installed[] {
  if (!existsSync(modules)) return [];
  const names = readdirSync(modules).flatMap((entry) =>
    entry.startsWith('@') ? readdirSync(join(modules, entry)).map((name) => `${entry}/${name}`) : [entry],
  );
  return names.flatMap((name) => {
    const folder = join(modules, name);
    const description = join(folder, 'package.json');
    if (!existsSync(description)) return [];
    const { version } = JSON.parse(readFileSync(description, 'utf8')) as { version: string };
    return [{ name, version, folder }, ...installedBelow(join(folder, 'node_modules'))];
  });
}

describe('installed packages', () => {
  const installed = installedBelow(join(import.meta.dirname, '..', '..', 'node_modules'));

  // With two copies a stanza made by one is no `instanceof Element` of the other, and xmpp.js asks that.
  test.each([
    ['@xmpp/component', '0.13.1'],
    ['@xmpp/xml', '0.13.3'],
    ['@xmpp/jid', '0.13.2'],
    ['ltx', '3.1.2'],
  ])('there is exactly one copy of %s, version %s', (name, version) => {
    const copies = installed.filter((candidate) => candidate.name === name);
    expect(copies.map((copy) => copy.version)).toEqual([version]);
  });
});
