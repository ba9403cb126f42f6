import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configurationJsonSchema } from '../../../config/json-schema.ts';
import type { TempFolder } from '../../support/temp-folder.ts';
import { load, makeConfigurationFolder } from './configuration-files.ts';

const read = (name: string) => readFileSync(new URL(`../../../config/${name}`, import.meta.url), 'utf8');

let folder: TempFolder;
/** The example, with a folder for the database that there is on this machine. */
let example: string;
beforeAll(() => {
  folder = makeConfigurationFolder();
  const asWritten = read('gateway.example.yaml');
  example = asWritten.replace('/var/lib/presence-gateway', folder.path);
  expect(example).not.toBe(asWritten);
  folder.write('corporate-ca.pem', rootCertificates[0] ?? '');
});
afterAll(() => folder.remove());

describe('the example', () => {
  test('is a configuration as it stands', async () => {
    const { configuration, warnings } = await load(folder, example);
    expect(warnings).toEqual([]);
    expect(configuration.storage.file).toBe(folder.file('gateway.db'));
  });

  test('shows the true defaults in its comments', async () => {
    const uncommented = example
      .split('\n')
      .filter((line) => !/^ *# (secret|password): /.test(line))
      .map((line) => line.replace(/^( *)# ( *(?:- )?\w+:(?: .*)?)$/, '$1$2'))
      .join('\n');
    expect(uncommented).not.toMatch(/^ *# *\w+:/m);
    const asItStands = (await load(folder, example)).configuration;
    const { configuration } = await load(folder, uncommented);
    const [server] = asItStands.exchange.servers;
    expect(configuration).toEqual({
      ...asItStands,
      exchange: { servers: [{ ...server, ca: rootCertificates[0], sampleMailbox: 'alice@example.com' }] },
      directory: { ...asItStands.directory, contacts: new Map([['boardroom', 'room-4711@example.com']]) },
      watchers: {
        ...asItStands.watchers,
        rules: [
          { effect: 'deny', watcher: 'intern@example.com', contacts: ['ceo', 'board-*'] },
          { effect: 'allow', watcher: 'partner.example.net', contacts: undefined },
        ],
      },
    });
  });

  test('has every key that there is', () => {
    const keys = keysOf(configurationJsonSchema());
    expect(keys.length).toBeGreaterThan(50);
    expect(keys.filter((key) => !new RegExp(`\\b${key}:`).test(example))).toEqual([]);
  });
});

describe('the JSON Schema', () => {
  test('is the one that the program prints (presence-gateway config schema > config/gateway.schema.json)', () => {
    expect(JSON.parse(read('gateway.schema.json'))).toEqual(configurationJsonSchema());
  });

  test('explains every key', () => {
    const unexplained = propertiesOf(configurationJsonSchema()).filter(
      ([, schema]) => schema.description === undefined,
    );
    expect(unexplained.map(([key]) => key)).toEqual([]);
  });
});

type JsonSchema = Readonly<Record<string, unknown>>;

function propertiesOf(schema: unknown): [string, JsonSchema][] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([keyword, value]) =>
    keyword === 'properties'
      ? Object.entries(value as Record<string, JsonSchema>).flatMap(([key, property]): [string, JsonSchema][] => [
          [key, property],
          ...propertiesOf(property),
        ])
      : propertiesOf(value),
  );
}

function keysOf(schema: unknown): string[] {
  return propertiesOf(schema).map(([key]) => key);
}
