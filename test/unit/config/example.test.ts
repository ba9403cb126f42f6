import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configurationJsonSchema } from '../../../config/json-schema.ts';
import { OFFICE_365_URL } from '../../../config/schema/endpoint.ts';
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
  folder.write('proxy-password', 'proxy-s3cret\n');
  folder.write('client-secret', 'cl1ent-s3cret\n');
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
      // Each stands beside another that does the same.
      .filter((line) => !/^ *# *(secret|password|clientSecret|certificateFile|privateKeyFile): /.test(line))
      .map((line) => line.replace(/^( *)# ( *(?:- )?[\w.]+:(?: .*)?)$/, '$1$2'))
      .join('\n');
    expect(uncommented).not.toMatch(/^ *# *\w+:/m);
    const asItStands = (await load(folder, example)).configuration;
    const { configuration } = await load(folder, uncommented);
    const [server] = asItStands.exchange.servers;
    const [hq, region, cloud] = configuration.exchange.servers;
    expect(configuration).toEqual({
      ...asItStands,
      exchange: configuration.exchange,
      directory: {
        ...asItStands.directory,
        contacts: new Map([['boardroom', 'room-4711@example.com']]),
        names: new Map([['boardroom', 'Board room']]),
      },
      watchers: {
        ...asItStands.watchers,
        rules: [
          { effect: 'deny', watcher: 'intern@example.com', contacts: ['ceo', 'board-*'] },
          { effect: 'allow', watcher: 'partner.example.net', contacts: undefined },
        ],
      },
      presence: {
        ...asItStands.presence,
        rules: { ...asItStands.presence.rules, timeZone: 'Europe/Berlin' },
        overrides: {
          contacts: { ceo: { times: 'none', statuses: { OOF: { status: {} } } } },
          groups: {
            rooms: { members: ['boardroom', 'room-*@example.com'], workingHours: 'off', times: 'text' },
          },
          domains: { 'example.org': { timeZone: 'America/New_York' } },
        },
      },
    });
    const proxy = { url: 'http://proxy.example.com:3128', username: 'svc-presence', password: 'proxy-s3cret' };
    expect(hq).toEqual({
      ...server,
      ...{ ca: rootCertificates[0], proxy, mailboxes: ['ceo@example.org', '*@eu.example.org'] },
      ...{ staleAfter: configuration.calendar.staleAfter, sampleMailbox: 'alice@example.com' },
    });
    expect(region).toMatchObject({
      autodiscover: { url: 'https://mail.example.net/autodiscover/autodiscover.svc', hosts: ['*.hosting.example'] },
      account: { auth: 'ntlm', username: 'EXAMPLE\\svc-presence', password: 'ews-s3cret', channelBinding: true },
    });
    expect(cloud).toMatchObject({
      url: OFFICE_365_URL,
      account: { auth: 'oauth', tenant: 'example.onmicrosoft.com', secret: 'cl1ent-s3cret', certificate: undefined },
    });
  });

  test('names the defaults of what Exchange Online needs', async () => {
    const withoutDefaults = example
      .split('\n')
      .slice(example.split('\n').findIndex((line) => /# - name: cloud/.test(line)))
      .filter((line) =>
        /^ {4}# {1,5}(- name|type|oauth|tenant|clientId|clientSecretFile|impersonate|mailboxes):/.test(line),
      )
      .map((line) => line.replace('# ', ''))
      .join('\n');
    const yaml = example.replace('    # Several servers', `${withoutDefaults}\n    # Several servers`);
    const [, cloud] = (await load(folder, yaml)).configuration.exchange.servers;
    expect(cloud?.url).toBe(OFFICE_365_URL);
    expect(example).toContain(`url: ${OFFICE_365_URL}`);
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
