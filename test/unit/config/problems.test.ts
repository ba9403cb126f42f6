// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the configuration's, not JavaScript's
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigurationError } from '../../../config/configuration-error.ts';
import { loadConfiguration } from '../../../config/load.ts';
import type { TempFolder } from '../../support/temp-folder.ts';
import { addBelow, change, makeConfigurationFolder, minimal, problemsOf } from './configuration-files.ts';

let folder: TempFolder;
beforeAll(() => {
  folder = makeConfigurationFolder();
  folder.write('empty', '\n');
  folder.write('two-lines', 'a\nb\n');
  folder.write('folder/x', '');
});
afterAll(() => folder.remove());

const domain = '  domain: calendar.example.com';
const secretFile = '  secretFile: component-secret';
const url = '      url: https://mail.example.com/EWS/Exchange.asmx';
const username = '      username: svc-presence';
const passwordFile = '      passwordFile: exchange-password';
const rule = "  rule: '{local}@example.com'";
const watchers = '  domains: [example.com]';

type Row = readonly [what: string, yaml: string, ...problems: string[]];

function check(rows: readonly Row[]): void {
  test.each(rows)('%s', async (_, yaml, ...problems) => {
    expect(await problemsOf(folder, yaml)).toEqual(problems.map((problem) => `gateway.yaml:${problem}`));
  });
}

describe('keys that are not known, and their nearest', () => {
  check([
    [
      'a slip',
      addBelow(domain, '  prot: 5347'),
      '3:3: xmpp.prot: found an unknown key, expected a known one: did you mean port?',
    ],
    [
      'letter case',
      addBelow(domain, '  stoptimeout: 5s'),
      '3:3: xmpp.stoptimeout: found an unknown key, expected a known one: did you mean stopTimeout?',
    ],
    [
      'a section',
      `${minimal}calender: {}\n`,
      '14:1: calender: found an unknown key, expected a known one: did you mean calendar?',
    ],
    [
      'a beginning',
      addBelow(domain, '  tls: { ca: x, caFile: ca.pem }').replace(', caFile: ca.pem', ''),
      '3:3: xmpp.tls.caFile: found nothing, expected the name of a PEM file',
      '3:10: xmpp.tls.ca: found an unknown key, expected a known one: did you mean caFile?',
    ],
    [
      'nothing like it',
      `${minimal}log: { colour: red }\n`,
      '14:8: log.colour: found an unknown key, expected one of level, format',
    ],
    [
      'in a list',
      addBelow(username, '      user: x'),
      '9:7: exchange.servers[0].user: found an unknown key, expected a known one: did you mean username?',
    ],
    [
      'NoData, which is unknown and shows nothing',
      `${minimal}presence: { statuses: { NoData: {} } }\n`,
      '14:25: presence.statuses.NoData: found an unknown key, expected one of Free, Tentative, WorkingElsewhere, Busy, OOF, OffHours',
    ],
    [
      'a merge key, which YAML 1.2 has not',
      addBelow(domain, '  <<: { port: 1 }'),
      '3:3: xmpp["<<"]: found an unknown key, expected one of host, port, domain, secret, secretFile, tls, plaintext, window, repeatRate, stopTimeout, onStop',
    ],
  ]);
});

describe('values that do not do', () => {
  check([
    [
      'a port that is text',
      addBelow(domain, '  port: abc'),
      '3:9: xmpp.port: found "abc", expected a whole number from 1 to 65535',
    ],
    [
      'a port that is none',
      addBelow(domain, '  port: 70000'),
      '3:9: xmpp.port: found 70000, expected a whole number from 1 to 65535',
    ],
    [
      'a number in quotes',
      addBelow(domain, '  port: "5347"'),
      '3:9: xmpp.port: found "5347", expected a whole number from 1 to 65535',
    ],
    [
      'half a stanza',
      addBelow(domain, '  window: 100.5'),
      '3:11: xmpp.window: found 100.5, expected a whole number from 100 to 10000',
    ],
    [
      'a key without value',
      addBelow(domain, '  port:'),
      '3:3: xmpp.port: found nothing, expected a whole number from 1 to 65535',
    ],
    [
      'yes, which is a text in YAML 1.2',
      addBelow(domain, '  tls: yes'),
      '3:8: xmpp.tls: found "yes", expected true, false, or a mapping with caFile',
    ],
    [
      'a word of another list',
      addBelow(domain, '  onStop: stay'),
      '3:11: xmpp.onStop: found "stay", expected one of withdraw, keep',
    ],
    [
      'a host with a port',
      addBelow(domain, '  host: localhost:5347'),
      '3:9: xmpp.host: found "localhost:5347", expected a host name or an IP address, without a port',
    ],
    [
      'plain text to another machine',
      addBelow(domain, '  host: xmpp.example.com'),
      '3:9: xmpp.host: found "xmpp.example.com", expected this machine (localhost), or tls: true, or plaintext: true to send everything unencrypted',
    ],
    [
      'a JID as domain',
      change(domain, '  domain: a@b'),
      '2:11: xmpp.domain: found "a@b", expected a domain, as in example.com',
    ],
    [
      'a domain with an empty label',
      change(domain, '  domain: a..b'),
      '2:11: xmpp.domain: found "a..b", expected a domain, as in example.com',
    ],
    [
      'a component with the domain of the users',
      change(domain, '  domain: example.com'),
      `2:11: xmpp.domain: found "example.com", expected a domain of the component's own (this one has users: watchers.domains)`,
    ],
    [
      'no servers',
      minimal.replace(/servers:\n(?: {4}.*\n)*/, 'servers: []\n'),
      '5:12: exchange.servers: found an empty list, expected at least one server',
    ],
    [
      'a section that is a text',
      `${minimal}log: info\n`,
      '14:6: log: found text, expected a mapping of keys to values',
    ],
    [
      'a rule without place for the name',
      change(rule, '  rule: alice@example.com'),
      `11:9: directory.rule: found "alice@example.com", expected a mail address with {local} before its @, as in '{local}@example.com'`,
    ],
    [
      'a directory without contacts',
      change(rule, '  contacts: {}'),
      `10:1: directory.rule: found nothing, expected a mail address with {local} before its @, as in '{local}@example.com'; or domains, or contacts`,
    ],
    [
      'a contact with a domain',
      addBelow(rule, '  contacts: { b@c: d@example.com, e: f }'),
      `12:15: directory.contacts["b@c"]: found "b@c", expected a contact's name as its JID has it before the @, as in boardroom or board\\20room`,
      '12:38: directory.contacts.e: found "f", expected a mail address, as in alice@example.com',
    ],
    [
      'a contact twice',
      addBelow(rule, '  contacts: { Room: a@example.com, room: b@example.com }'),
      '12:42: directory.contacts.room: found "b@example.com", expected each contact once, in whatever letter case',
    ],
    [
      'nobody who may watch',
      change(watchers, '  domains: []\n  rules: [{ deny: a.example }]'),
      '13:12: watchers.domains: found an empty list, expected at least one domain, or a rule that allows somebody',
    ],
    [
      'rules that decide nothing',
      addBelow(watchers, '  rules: [{ contacts: [] }, { allow: a, deny: b }, { allow: a@b@c }]'),
      '14:11: watchers.rules[0]: found a mapping, expected a rule with allow or deny',
      '14:23: watchers.rules[0].contacts: found an empty list, expected at least one contact, or no such key',
      '14:47: watchers.rules[1].deny: found "b", expected allow or deny, not both',
      '14:61: watchers.rules[2].allow: found "a@b@c", expected a JID, a domain, or a pattern of one with *, as in *@example.net',
    ],
    [
      'a language that is none',
      `${minimal}presence: { language: german! }\n`,
      '14:23: presence.language: found "german!", expected a language tag, as in en or pt-BR',
    ],
    [
      'texts without the language of presence',
      `${minimal}presence: { statuses: { Busy: { status: { de: x } } } }\n`,
      '14:41: presence.statuses.Busy.status: found a mapping, expected also a text in en, the language of presence',
    ],
    [
      'a language twice',
      `${minimal}presence: { statuses: { Busy: { status: { en: x, EN: y } } } }\n`,
      '14:54: presence.statuses.Busy.status.EN: found "y", expected each language once',
    ],
    [
      'a text that is too long',
      `${minimal}presence: { statuses: { Busy: { status: { en: ${'x'.repeat(1001)} } } } }\n`,
      `14:47: presence.statuses.Busy.status.en: found "${'x'.repeat(80)}…", expected a text of 1 to 1000 characters`,
    ],
    [
      'a show that is none',
      `${minimal}presence: { statuses: { OOF: { show: gone } } }\n`,
      '14:38: presence.statuses.OOF.show: found "gone", expected one of available, away, chat, dnd, xa',
    ],
  ]);
});

describe('durations', () => {
  const calendar = (keys: string) => `${minimal}calendar: { ${keys} }\n`;
  check([
    [
      'without a unit',
      calendar('refresh: 300'),
      '14:22: calendar.refresh: found 300, expected a duration from 30s to 1d with its unit: ms, s, m, h or d, as in 90s',
    ],
    [
      'with a unit that is none',
      calendar('refresh: 5 min'),
      '14:22: calendar.refresh: found "5 min", expected a duration from 30s to 1d with its unit: ms, s, m, h or d, as in 90s',
    ],
    [
      'that are too short',
      calendar('refresh: 10s'),
      '14:22: calendar.refresh: found "10s", expected a duration from 30s to 1d',
    ],
    [
      'that do not fit together',
      calendar('refresh: 40m, staleAfter: 60m'),
      '14:39: calendar.staleAfter: found "60m", expected at least twice refresh: 80m',
    ],
    [
      'that do not fit a default',
      calendar('refresh: 40m'),
      '14:1: calendar.staleAfter: found 1h (the default), expected at least twice refresh: 80m',
    ],
    [
      'of a window that ends before an answer is stale',
      calendar('window: { future: 1h }'),
      '14:31: calendar.window.future: found "1h", expected at least staleAfter + refreshIdle: 90m',
    ],
    [
      'of a window that Exchange refuses',
      calendar('window: { past: 2d, future: 41d }'),
      '14:41: calendar.window.future: found "41d", expected at most 42d together with window.past',
    ],
  ]);
});

describe('Exchange servers', () => {
  const second = (keys: string) =>
    `${minimal.replace('directory:', `    - { name: b, url: https://b.example/EWS, username: u, passwordFile: exchange-password, ${keys} }\ndirectory:`)}`;
  check([
    [
      'http',
      change(url, '      url: http://mail.example.com/EWS'),
      '7:12: exchange.servers[0].url: found "http://mail.example.com/EWS", expected an address that begins with https:// (the password goes there)',
    ],
    [
      'no path',
      change(url, '      url: https://mail.example.com'),
      '7:12: exchange.servers[0].url: found "https://mail.example.com", expected the whole address, usually with /EWS/Exchange.asmx at its end',
    ],
    [
      'no address',
      change(url, '      url: mail'),
      '7:12: exchange.servers[0].url: found "mail", expected an address, as in https://mail.example.com/EWS/Exchange.asmx',
    ],
    [
      'two that are asked about all',
      second('concurrency: 5'),
      '10:7: exchange.servers[1].domains: found nothing, expected its mail domains or mailboxes (only one server may go without: hq)',
    ],
    [
      'two for one domain',
      second('domains: [a.example, A.example]'),
      '10:113: exchange.servers[1].domains[1]: found "A.example", expected a domain that is listed once (b has it)',
    ],
    [
      'two of one name',
      second('domains: [a.example]').replace('name: b', 'name: hq'),
      '10:15: exchange.servers[1].name: found "hq", expected a name that no other server has',
    ],
    [
      'a colon in the account',
      change(username, '      username: a:b'),
      '8:17: exchange.servers[0].username: found "a:…", expected a name without ":" (Basic authentication has no way to send one)',
    ],
    [
      'nobody for the mailboxes',
      addBelow(username, '      domains: [example.org]'),
      '12:9: directory.rule: found "{local}@example.com", expected a mail domain that a server is there for (exchange.servers[].domains: example.org)',
    ],
  ]);
});

describe('secrets', () => {
  check([
    [
      'none',
      change(`${secretFile}`, '  port: 5347'),
      '1:1: xmpp.secret: found nothing, expected secretFile, or secret: ${VARIABLE}',
    ],
    [
      'two',
      addBelow(domain, '  secret: x'),
      '4:15: xmpp.secretFile: found "component-secret", expected only one of secret and secretFile',
    ],
    [
      'of digits',
      change(passwordFile, '      password: 12345'),
      '9:17: exchange.servers[0].password: found a value that is not shown here, expected text, in quotes',
    ],
    [
      'from a variable that is not set',
      change(secretFile, '  secret: ${SECRET}'),
      '3:11: xmpp.secret: found ${SECRET}, which is not set, expected a variable of the environment ($${ stands for ${ itself)',
    ],
    [
      'from a file that is not there',
      change(secretFile, '  secretFile: nowhere'),
      '3:15: xmpp.secretFile: found "nowhere", which does not exist, expected a file that can be read',
    ],
    [
      'from an empty file',
      change(secretFile, '  secretFile: empty'),
      '3:15: xmpp.secretFile: found "empty", which is empty, expected a file that holds the secret',
    ],
    [
      'from a file of several lines',
      change(secretFile, '  secretFile: two-lines'),
      '3:15: xmpp.secretFile: found "two-lines", which has several lines, expected a file that holds the secret and nothing else',
    ],
    [
      'from a folder',
      change(secretFile, '  secretFile: folder'),
      '3:15: xmpp.secretFile: found "folder", which is no file, expected a file',
    ],
    [
      'where certificates should be',
      addBelow(domain, '  tls: { caFile: component-secret }'),
      '3:18: xmpp.tls.caFile: found "component-secret", which holds none, expected a file with certificates as PEM (-----BEGIN CERTIFICATE-----)',
    ],
  ]);

  test.each([
    ['a number', '      password: 271828'],
    ['a list', '      password: [271828]'],
    ['a mapping', '      password: { 271828: 1 }'],
    ['a mapping in a line', '      password: 271828: x'],
    ['a duplicate within a mapping', '      password: { 271828: 1, 271828: 2 }'],
    ['an alias', '      password: *271828'],
    ['a tag', '      password: !271828 x'],
    ['an anchor', '      password: &271828'],
    ['an open quote', '      password: "271828'],
    ['a bad escape', '      password: "\\q271828"'],
    ['a line of its own', '      password:\n      271828'],
    ['a piece that looks like a variable', '      password: pass${271828}'],
    ['a piece after a comment sign', '      password: #271828'],
    ['a reserved beginning', '      password: @271828'],
    ['part of an address', '      url: http://svc:271828@mail/EWS'],
    ['part of an address with a slash', '      url: http://svc:27/1828@mail/EWS'],
    ['part of an address without a scheme', '      url: svc:271828@mail/EWS'],
  ])('are not shown, not even as %s', async (_, line) => {
    const yaml = line.includes('url:') ? change(url, line) : change(passwordFile, line);
    const problems = await problemsOf(folder, yaml);
    expect(problems).not.toEqual([]);
    expect(problems.join('\n')).not.toMatch(/271828|27\/1828/);
  });

  test('of the environment or of files are not shown when something else is wrong with them', async () => {
    const yaml = addBelow(domain, '  port: ${SECRET}').replace(username, '      username: "${SECRET}:"');
    const problems = await problemsOf(folder, yaml, { SECRET: 'hunter2' });
    expect(problems).toHaveLength(2);
    expect(problems.join('\n')).not.toContain('hunter2');
  });

  test('are not shown when a file with one is taken for the configuration', async () => {
    expect(await problemsOf(folder, 'hunter2\n')).toEqual([
      'gateway.yaml:1:1: found a text without keys, expected keys and values, beginning with xmpp:',
    ]);
  });
});

describe('everything that is wrong', () => {
  test('is told at once, in the order of the file', async () => {
    const yaml = `xmpp:
  host: other.example
  port: 0
  secretFile: nowhere
calendar:
  refresh: 40m
  goneAfter: soon
exchange:
  servers:
    - name: HQ
      url: ftp://x/y
      password: \${UNSET}
watchers:
  domains: example.com
colour: red
`;
    expect(await problemsOf(folder, yaml)).toEqual(
      [
        '1:1: xmpp.domain: found nothing, expected a domain, as in example.com',
        '1:1: directory: found nothing, expected a mapping of keys to values',
        '2:9: xmpp.host: found "other.example", expected this machine (localhost), or tls: true, or plaintext: true to send everything unencrypted',
        '3:9: xmpp.port: found 0, expected a whole number from 1 to 65535',
        '4:15: xmpp.secretFile: found "nowhere", which does not exist, expected a file that can be read',
        '5:1: calendar.staleAfter: found 1h (the default), expected at least twice refresh: 80m',
        '7:14: calendar.goneAfter: found "soon", expected a duration from 1h to 3650d with its unit: ms, s, m, h or d, as in 90s',
        '10:7: exchange.servers[0].username: found nothing, expected the name of an account',
        '10:13: exchange.servers[0].name: found "HQ", expected a short name of a-z, 0-9 and -, as in hq',
        '11:12: exchange.servers[0].url: found "ftp://x/y", expected an address that begins with https:// (the password goes there)',
        '12:17: exchange.servers[0].password: found ${UNSET}, which is not set, expected a variable of the environment ($${ stands for ${ itself)',
        '14:12: watchers.domains: found text, expected a list',
        '15:1: colour: found an unknown key, expected one of xmpp, exchange, directory, watchers, calendar, presence, storage, log',
      ].map((line) => `gateway.yaml:${line}`),
    );
  });

  test('is there as data, too', async () => {
    const file = folder.write('other.yaml', addBelow(domain, '  port: abc'));
    const error = await loadConfiguration(file, {}).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as ConfigurationError).problems).toEqual([
      { file, line: 3, column: 9, key: 'xmpp.port', found: '"abc"', expected: 'a whole number from 1 to 65535' },
    ]);
  });
});
