// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the configuration's, not JavaScript's
import { chmodSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RuleDirectory } from '../../../component/directory/rule-directory.ts';
import type { TempFolder } from '../../support/temp-folder.ts';
import { addBelow, change, load, makeConfigurationFolder, minimal, problemsOf } from './configuration-files.ts';

const domain = '  domain: calendar.example.com';
const secretFile = '  secretFile: component-secret';

let folder: TempFolder;
beforeEach(() => {
  folder = makeConfigurationFolder();
});
afterEach(() => folder.remove());

describe('a configuration that says the least', () => {
  test('gets defaults that fit together, durations in milliseconds and secrets as texts', async () => {
    const { configuration, warnings } = await load(folder, minimal);
    expect(warnings).toEqual([]);
    expect(configuration).toEqual({
      xmpp: {
        host: 'localhost',
        port: 5347,
        domain: 'calendar.example.com',
        secret: 'xmpp-s3cret',
        tls: undefined,
        plaintext: false,
        window: 500,
        repeatRate: 2000,
        stopTimeout: 30_000,
        onStop: 'withdraw',
      },
      exchange: {
        servers: [
          {
            name: 'hq',
            type: 'exchange',
            url: 'https://mail.example.com/EWS/Exchange.asmx',
            autodiscover: undefined,
            account: { auth: 'basic', username: 'svc-presence', password: 'ews-s3cret' },
            ca: undefined,
            concurrency: 10,
            timeout: 30_000,
            impersonation: false,
            notifications: { mailboxes: 0 },
            automaticReplies: false,
          },
        ],
      },
      directory: { rule: '{local}@example.com', domains: ['example.com'], contacts: new Map(), names: new Map() },
      watchers: { domains: ['example.com'], rules: [], maxSubscriptions: 500 },
      calendar: {
        refresh: 300_000,
        refreshNear: 120_000,
        refreshIdle: 1_800_000,
        coalesce: 1000,
        staleAfter: 3_600_000,
        window: { past: 3_600_000, future: 172_800_000 },
        goneAfter: 604_800_000,
      },
      presence: {
        language: 'en',
        priority: 0,
        rules: {
          statuses: {
            Free: { show: 'available', status: {} },
            Tentative: 'Free',
            WorkingElsewhere: { show: 'available', status: { en: 'Working elsewhere' } },
            Busy: { show: 'dnd', status: { en: 'In a meeting' } },
            OOF: { show: 'away', status: { en: 'Away' } },
            OffHours: { show: 'xa', status: { en: 'Outside working hours' } },
          },
          allDay: { Tentative: 'Tentative', WorkingElsewhere: 'WorkingElsewhere', Busy: 'Busy', OOF: 'OOF' },
          ...{ shortest: 0, workingHours: 'off', times: 'none', timeZone: undefined },
        },
        overrides: { contacts: {}, groups: {}, domains: {} },
      },
      storage: { file: folder.file('gateway.db') },
      log: { level: 'info', format: 'auto' },
    });
  });

  test('may have sections of which every key is commented out', async () => {
    const { configuration } = await load(folder, `${minimal}calendar:\n  # refresh: 1m\nlog:\n`);
    expect(configuration.calendar.refresh).toBe(300_000);
    expect(configuration.log.level).toBe('info');
  });

  test('may begin with a byte order mark and have Windows line ends', async () => {
    const { configuration } = await load(folder, `\uFEFF${minimal.replaceAll('\n', '\r\n')}`);
    expect(configuration.xmpp.domain).toBe('calendar.example.com');
  });
});

describe('what the gateway works with', () => {
  test('domains, addresses and names of contacts are in lower case', async () => {
    const yaml = change(domain, '  domain: Calendar.Example.COM')
      .replace(
        "rule: '{local}@example.com'",
        "rule: 'X-{local}@Example.com'\n  contacts: { BoardRoom: Room-1@Example.com }",
      )
      .replace(
        'domains: [example.com]',
        'domains: [EXAMPLE.com]\n  rules: [{ deny: Intern@Example.com, contacts: [CEO] }]',
      );
    const { configuration } = await load(folder, yaml);
    expect(configuration.xmpp.domain).toBe('calendar.example.com');
    expect(configuration.directory).toEqual({
      rule: 'x-{local}@example.com',
      domains: ['example.com'],
      contacts: new Map([['boardroom', 'room-1@example.com']]),
      names: new Map(),
    });
    expect(configuration.watchers.domains).toEqual(['example.com']);
    expect(configuration.watchers.rules).toEqual([
      { effect: 'deny', watcher: 'intern@example.com', contacts: ['ceo'] },
    ]);
  });

  test('a status that is overridden in part keeps the rest of its default', async () => {
    const statuses = 'statuses: { Busy: { show: xa }, OOF: { status: {} }, Free: { show: chat } }';
    const { configuration } = await load(folder, `${minimal}presence:\n  ${statuses}\n`);
    expect(configuration.presence.rules.statuses).toMatchObject({
      Busy: { show: 'xa', status: { en: 'In a meeting' } },
      OOF: { show: 'away', status: {} },
      Free: { show: 'chat', status: {} },
    });
  });

  test('no is Norwegian', async () => {
    const presence = 'presence: { language: de, statuses: { Busy: { status: { no: Opptatt, de: Besprechung } } } }';
    const { configuration } = await load(folder, `${minimal}${presence}\n`);
    expect(configuration.presence.rules.statuses.Busy.status).toEqual({ no: 'Opptatt', de: 'Besprechung' });
  });

  test('the database is looked for beside the file, unless its place is absolute', async () => {
    folder.write('data/other', '');
    folder.write('state/other', '');
    const inState = await load(folder, minimal, { STATE_DIRECTORY: folder.file('state') });
    expect(inState.configuration.storage.file).toBe(folder.file('state/gateway.db'));
    const relative = await load(folder, `${minimal}storage: { file: data/gateway.db }\n`);
    const absolute = await load(folder, `${minimal}storage: { file: /var/lib/x.db }\n`);
    expect(relative.configuration.storage.file).toBe(folder.file('data/gateway.db'));
    expect(absolute.configuration.storage.file).toBe('/var/lib/x.db');
  });

  test('without a rule only what is listed has a contact', async () => {
    const yaml = change("  rule: '{local}@example.com'", '  contacts: { boardroom: room-1@example.com }');
    const { configuration } = await load(folder, yaml);
    expect(configuration.directory.rule).toBeUndefined();
    expect(configuration.directory.domains).toEqual([]);
  });
});

describe('a contact that follows no rule', () => {
  test('is written as its JID has it, and known by what that means', async () => {
    const yaml = addBelow("  rule: '{local}@example.com'", "  contacts: { 'Board\\20room': room@example.com }");
    const { configuration } = await load(folder, yaml);
    expect([...configuration.directory.contacts]).toEqual([['board room', 'room@example.com']]);
    expect(new RuleDirectory(configuration.directory).mailboxOf('board\\20room')).toBe('room@example.com');
  });
});

describe('TLS', () => {
  const ca = rootCertificates.slice(0, 2).join('\n');

  test('true trusts the usual authorities', async () => {
    const { configuration } = await load(folder, addBelow(domain, '  host: xmpp.example.com\n  tls: true'));
    expect(configuration.xmpp.tls).toEqual({});
  });

  test('caFile is read as PEM, for XMPP and for Exchange', async () => {
    folder.write('ca.pem', ca);
    const yaml = addBelow(domain, '  host: xmpp.example.com\n  tls: { caFile: ca.pem }').replace(
      '      username:',
      '      caFile: ca.pem\n      username:',
    );
    const { configuration } = await load(folder, yaml);
    expect(configuration.xmpp.tls).toEqual({ ca });
    expect(configuration.exchange.servers[0]?.ca).toBe(ca);
  });

  test('a damaged certificate is found when loading', async () => {
    folder.write('ca.pem', ca.replace(/\n[A-Za-z0-9+/]{20}/, '\n'));
    expect(await problemsOf(folder, addBelow(domain, '  tls: { caFile: ca.pem }'))).toEqual([
      'gateway.yaml:3:18: xmpp.tls.caFile: found "ca.pem", which holds a damaged one, expected a file with certificates as PEM (-----BEGIN CERTIFICATE-----)',
    ]);
  });

  test('so is one that was cut short before another', async () => {
    folder.write('ca.pem', `${ca.slice(0, 200)}\n${ca}`);
    expect(await problemsOf(folder, addBelow(domain, '  tls: { caFile: ca.pem }'))).toEqual([
      expect.stringContaining('which holds a damaged one'),
    ]);
  });

  test.each(['localhost', '127.0.0.1', '127.1.2.3', '"::1"'])('%s needs none', async (host) => {
    const { configuration } = await load(folder, addBelow(domain, `  host: ${host}`));
    expect(configuration.xmpp.tls).toBeUndefined();
  });

  test('plaintext: true lets any host do without', async () => {
    const { configuration } = await load(folder, addBelow(domain, '  host: xmpp.example.com\n  plaintext: true'));
    expect(configuration.xmpp.host).toBe('xmpp.example.com');
  });
});

describe('the environment', () => {
  test('a variable stands anywhere in a text, and $${ for ${ itself', async () => {
    const yaml = change('      username: svc-presence', "      username: '${NAME}@${HOST} $${NAME} $x {y}'");
    const { configuration } = await load(folder, yaml, { NAME: 'svc', HOST: 'example.com' });
    expect(configuration.exchange.servers[0]?.account).toMatchObject({ username: 'svc@example.com ${NAME} $x {y}' });
  });

  test('a variable may be a number or a truth where one is wanted, and stays text elsewhere', async () => {
    const yaml = addBelow(domain, '  port: ${PORT}\n  tls: ${TLS}\n  secret: ${PIN}').replace(`${secretFile}\n`, '');
    const { configuration } = await load(folder, yaml, { PORT: '5348', TLS: 'true', PIN: '0042' });
    expect(configuration.xmpp).toMatchObject({ port: 5348, tls: {}, secret: '0042' });
  });

  test('a variable is not expanded a second time', async () => {
    const { configuration } = await load(folder, change(secretFile, '  secret: ${A}'), { A: '${B}', B: 'no' });
    expect(configuration.xmpp.secret).toBe('${B}');
  });

  test('a name that every object inherits is no variable', async () => {
    expect(await problemsOf(folder, change(secretFile, '  secret: ${toString}'))).toEqual([
      'gateway.yaml:3:11: xmpp.secret: found ${toString}, which is not set, expected a variable of the environment ($${ stands for ${ itself)',
    ]);
  });
});

describe('secrets in files', () => {
  test.each([
    ['a line end', 's3cret\n', 's3cret'],
    ['a Windows line end', 's3cret\r\n', 's3cret'],
    ['nothing else', 's3cret', 's3cret'],
  ])('lose %s at their end', async (_, content, secret) => {
    folder.write('component-secret', content);
    expect((await load(folder, minimal)).configuration.xmpp.secret).toBe(secret);
  });

  test('keep their spaces', async () => {
    folder.write('component-secret', ' a b \n');
    expect((await load(folder, minimal)).configuration.xmpp.secret).toBe(' a b ');
  });

  test('are looked for from the folder of the configuration, or where an absolute name says', async () => {
    const elsewhere = folder.write('elsewhere/secret', 'other');
    const { configuration } = await load(folder, change(secretFile, `  secretFile: ${elsewhere}`));
    expect(configuration.xmpp.secret).toBe('other');
  });

  test('get a warning when others may read them', async () => {
    chmodSync(folder.file('exchange-password'), 0o644);
    expect((await load(folder, minimal)).warnings).toEqual([
      `${folder.file('gateway.yaml')}:9:21: other users of this machine may read ${folder.file('exchange-password')}; chmod 600 keeps them out`,
    ]);
  });

  test('get a warning when they stand in a configuration that others may read', async () => {
    folder.write('gateway.yaml', '');
    chmodSync(folder.file('gateway.yaml'), 0o644);
    const { warnings } = await load(folder, change(secretFile, '  secret: s3cret'));
    expect(warnings).toEqual([
      `${folder.file('gateway.yaml')}:3:11: other users of this machine may read this file and the secret in it`,
    ]);
    expect((await load(folder, change(secretFile, '  secret: ${S}'), { S: 's3cret' })).warnings).toEqual([]);
  });
});
