// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the configuration's, not JavaScript's
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { OFFICE_365_URL } from '../../../config/schema/endpoint.ts';
import type { Configuration } from '../../../config/schema.ts';
import { makeAuthority } from '../../support/certificate.ts';
import type { TempFolder } from '../../support/temp-folder.ts';
import { load, makeConfigurationFolder, problemsOf } from './configuration-files.ts';

type Keys = Readonly<Record<string, unknown>>;

const account = { username: 'svc', passwordFile: 'exchange-password' };
const url = 'https://mail.example.com/EWS/Exchange.asmx';
const hq = { name: 'hq', url, ...account };
const application = { tenant: 'example.onmicrosoft.com', clientId: '1-2-3', clientSecretFile: 'client-secret' };
const cloud = { name: 'cloud', type: 'office365', oauth: application, impersonate: 'svc@example.com' };

let folder: TempFolder;
let first: { readonly cert: string; readonly key: string };
beforeAll(() => {
  folder = makeConfigurationFolder();
  folder.write('client-secret', 'cl1ent-s3cret\n');
  folder.write('proxy-password', 'proxy-s3cret\n');
  const elliptic = makeAuthority().issue({ names: ['a.test'] });
  folder.write('elliptic.pem', elliptic.cert);
  folder.write('elliptic.key', elliptic.key);
  first = makeRsaCertificate();
  folder.write('client.pem', first.cert);
  folder.write('client.key', first.key);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  folder.write('other.key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  folder.write(
    'encrypted.key',
    privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' }).toString(),
  );
  folder.write('damaged.key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n');
});
afterAll(() => folder.remove());

function makeRsaCertificate(): { key: string; cert: string } {
  const output = execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=app', '-days', '2', '-keyout', '-', '-out', '-'],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const cut = output.indexOf('-----BEGIN CERTIFICATE-----');
  return { key: output.slice(0, cut), cert: output.slice(cut) };
}

function yaml(servers: readonly Keys[], rest: Keys = {}): string {
  return stringify({
    xmpp: { domain: 'calendar.example.com', secretFile: 'component-secret' },
    exchange: { servers },
    directory: { rule: '{local}@example.com' },
    watchers: { domains: ['example.com'] },
    ...rest,
  });
}

async function serversOf(...servers: readonly Keys[]): Promise<Configuration['exchange']['servers']> {
  return (await load(folder, yaml(servers))).configuration.exchange.servers;
}

/** The problems without file and place. */
async function wrongWith(servers: readonly Keys[], rest: Keys = {}): Promise<readonly string[]> {
  const problems = await problemsOf(folder, yaml(servers, rest));
  return problems.map((problem) => problem.replace(/^gateway\.yaml:\d+:\d+: /, '').replace('exchange.servers', ''));
}

describe('an Exchange server', () => {
  test('may use NTLM, with channel binding unless that is switched off', async () => {
    const ntlm = { ...hq, auth: 'ntlm', username: 'EXAMPLE\\svc' };
    const [server] = await serversOf(ntlm);
    const expected = { auth: 'ntlm', username: 'EXAMPLE\\svc', password: 'ews-s3cret', channelBinding: true };
    expect(server?.account).toEqual(expected);
    const [unbound] = await serversOf({ ...ntlm, channelBinding: false });
    expect(unbound?.account).toEqual({ ...expected, channelBinding: false });
  });

  test('may be Exchange Online, which has an address and OAuth without being told', async () => {
    const [server] = await serversOf(cloud);
    expect(server).toMatchObject({
      url: OFFICE_365_URL,
      account: { auth: 'oauth', tenant: 'example.onmicrosoft.com', clientId: '1-2-3', secret: 'cl1ent-s3cret' },
      impersonate: 'svc@example.com',
    });
  });

  test('may use OAuth with a certificate, at another authority', async () => {
    const { clientSecretFile: _, ...withoutSecret } = application;
    const files = { certificateFile: 'client.pem', privateKeyFile: 'client.key' };
    const authority = 'https://login.microsoftonline.us';
    const [server] = await serversOf({ ...cloud, oauth: { ...withoutSecret, ...files, authority } });
    expect(server?.account).toMatchObject({
      authority,
      secret: undefined,
      certificate: { certificate: first.cert, privateKey: first.key },
    });
  });

  test.each([
    [{ authority: 'https://login.microsoftonline.us' }, 'outlook.office365.us', 'login.microsoftonline.us'],
    [{ authority: 'https://login.chinacloudapi.cn' }, 'partner.outlook.cn', 'login.chinacloudapi.cn'],
    [{ authority: 'https://login.partner.microsoftonline.cn/' }, 'partner.outlook.cn', undefined],
    [{ url: 'https://outlook-dod.office365.us/EWS/Exchange.asmx' }, 'outlook-dod.office365.us', undefined],
    [{ url: 'https://partner.outlook.cn/EWS/Exchange.asmx' }, 'partner.outlook.cn', 'login.partner.microsoftonline.cn'],
    [{}, 'outlook.office365.com', 'login.microsoftonline.com'],
  ])('of a national cloud has that cloud’s address, authority and scope: %j', async (keys, host, expected) => {
    const { url: address, authority } = keys as { url?: string; authority?: string };
    const [server] = await serversOf({
      ...cloud,
      ...(address && { url: address }),
      oauth: { ...application, ...(authority && { authority }) },
    });
    expect(server?.url).toBe(`https://${host}/EWS/Exchange.asmx`);
    expect(server?.account).toMatchObject({
      scope: `https://${host}/.default`,
      ...(expected !== undefined && { authority: `https://${expected}` }),
    });
  });

  test('of a national cloud is trusted there, and only there, when Autodiscover leads to it', async () => {
    const oauth = { ...application, authority: 'https://login.microsoftonline.us' };
    const [server] = await serversOf({ ...cloud, autodiscover: true, oauth });
    expect(server?.autodiscover?.hosts).toEqual([
      ...['autodiscover-s.office365.us', 'outlook.office365.us'],
      ...['autodiscover-s-dod.office365.us', 'outlook-dod.office365.us'],
    ]);
  });

  test('may be found by Autodiscover, at a service of its own or by the mail domain', async () => {
    const [anywhere, ours, not] = await serversOf(
      { name: 'a', autodiscover: true, ...account, domains: ['example.com'] },
      {
        name: 'b',
        autodiscover: { url: 'https://a.test/autodiscover.svc', hosts: ['*.A.test'] },
        ...account,
        domains: ['b.test'],
      },
      { ...hq, autodiscover: false },
    );
    expect(anywhere).toMatchObject({ url: undefined, autodiscover: { hosts: [] } });
    expect(ours?.autodiscover).toEqual({ url: 'https://a.test/autodiscover.svc', hosts: ['*.a.test'] });
    expect(not).toMatchObject({ url, autodiscover: undefined });
  });

  test('with Autodiscover for Exchange Online trusts where that is', async () => {
    const [server] = await serversOf({ ...cloud, autodiscover: true });
    expect(server).toMatchObject({ url: undefined });
    expect(server?.autodiscover?.hosts).toContain('outlook.office365.com');
  });

  test('may be behind a proxy', async () => {
    const [server] = await serversOf({
      ...hq,
      proxy: { url: 'http://proxy.test:3128', username: 'svc', passwordFile: 'proxy-password' },
    });
    expect(server?.proxy).toEqual({ url: 'http://proxy.test:3128', username: 'svc', password: 'proxy-s3cret' });
  });

  test('tells of changes to 2000 mailboxes where it may impersonate, and to none elsewhere', async () => {
    const streamed = async (keys: Keys) => (await serversOf({ ...hq, ...keys }))[0]?.notifications.mailboxes;
    expect(await streamed({})).toBe(0);
    expect(await streamed({ impersonation: true })).toBe(2000);
    expect(await streamed({ impersonation: true, notifications: { mailboxes: 0 } })).toBe(0);
    expect(await streamed({ impersonation: true, notifications: { mailboxes: 50_000 } })).toBe(50_000);
  });

  test('there may be hundreds of them', async () => {
    const many = Array.from({ length: 300 }, (_each, index) => ({
      ...hq,
      name: `s${index}`,
      domains: [`d${index}.test`],
    }));
    expect(await serversOf(...many, hq)).toHaveLength(301);
  });
});

type Row = readonly [what: string, server: Keys, ...problems: readonly string[]];

describe('what a server can’t be', () => {
  const rows: readonly Row[] = [
    [
      'without an address',
      { name: 'hq', ...account },
      '[0].url: found nothing, expected an address, as in https://mail.example.com/EWS/Exchange.asmx, or autodiscover: true',
    ],
    ['with two', { ...hq, autodiscover: true }, '[0].autodiscover: found true, expected url or autodiscover, not both'],
    [
      'with something else for Autodiscover',
      { name: 'hq', ...account, autodiscover: 'yes' },
      '[0].autodiscover: found "yes", expected true, or a mapping with url or hosts',
    ],
    [
      'trusting everybody',
      { name: 'hq', ...account, autodiscover: { hosts: ['*.com', '*'] } },
      '[0].autodiscover.hosts[0]: found "*.com", expected a host name, or a pattern with * in place of its first part, as in *.example.com',
      '[0].autodiscover.hosts[1]: found "*", expected a host name, or a pattern with * in place of its first part, as in *.example.com',
    ],
    [
      'of Exchange Online with a password',
      { ...hq, type: 'office365', auth: 'basic' },
      '[0].auth: found "basic", expected oauth (Exchange Online takes nothing else)',
    ],
    [
      'without an account',
      { name: 'hq', url },
      '[0].username: found nothing, expected the name of an account',
      '[0].password: found nothing, expected passwordFile, or password: ${VARIABLE}',
    ],
    [
      'with a domain and no account',
      { ...hq, auth: 'ntlm', username: 'EXAMPLE\\' },
      '[0].username: found "EXAMPLE\\\\", expected a name after the domain and its \\',
    ],
    [
      'with channel binding where there is none',
      { ...hq, channelBinding: true },
      '[0].channelBinding: found true, expected no such key with auth: basic (only NTLM binds to the TLS connection)',
    ],
    [
      'with a password and an application',
      { ...hq, oauth: application },
      '[0].oauth: found a mapping, expected no such key with auth: basic (it is for auth: oauth)',
    ],
    [
      'with an application and a password',
      { ...cloud, ...account },
      '[0].username: found "svc", expected no such key with auth: oauth (the application stands in oauth)',
      '[0].passwordFile: found "exchange-password", expected no such key with auth: oauth (the application stands in oauth)',
    ],
    [
      'with OAuth and no application, in nobody’s name',
      { name: 'hq', url, auth: 'oauth' },
      '[0].oauth: found nothing, expected the application: tenant, clientId, and its secret or certificate',
      '[0].impersonate: found nothing, expected a mailbox in whose name free/busy is asked',
    ],
    [
      'that sends the password through a proxy without TLS',
      { ...hq, url: 'http://localhost/EWS/Exchange.asmx', proxy: { url: 'http://proxy.example.com:3128' } },
      '[0].url: found "http://localhost/EWS/Exchange.asmx", expected an address that begins with https:// (seen from a proxy this machine is the proxy itself)',
    ],
    [
      'that would give the token for Exchange Online to another',
      { name: 'hq', url, auth: 'oauth', impersonate: 'svc@example.com', oauth: application },
      "[0].oauth.scope: found nothing, expected the scope of this server, as in https://mail.example.com/.default (the default is Exchange Online's)",
    ],
    [
      'that would ask a national cloud with a token of another',
      {
        ...cloud,
        url: 'https://outlook.office365.us/EWS/Exchange.asmx',
        oauth: { ...application, authority: 'https://login.microsoftonline.com' },
      },
      '[0].oauth.authority: found "https://login.microsoftonline.com", expected the authority of the same cloud as outlook.office365.us: https://login.microsoftonline.us',
    ],
    [
      'with an authority of which it is not known where Exchange Online is',
      { ...cloud, oauth: { ...application, authority: 'https://login.example.com' } },
      '[0].url: found nothing, expected the address of Exchange Online in the cloud of oauth.authority, which is none that is known here (the default is https://outlook.office365.com/EWS/Exchange.asmx)',
      "[0].oauth.scope: found nothing, expected the scope of this server, as in https://mail.example.com/.default (the default is Exchange Online's)",
    ],
    [
      'with half an application',
      { ...cloud, oauth: { tenant: 'common', clientId: 'a b' } },
      '[0].oauth.clientSecret: found nothing, expected clientSecretFile, or clientSecret: ${VARIABLE}, or certificateFile and privateKeyFile',
      '[0].oauth.tenant: found "common", expected a tenant of the application\'s own (this one stands for many)',
      '[0].oauth.clientId: found "a b", expected the application\'s id, as in 11111111-2222-3333-4444-555555555555',
    ],
    [
      'with a secret and a certificate',
      { ...cloud, oauth: { ...application, certificateFile: 'client.pem' } },
      '[0].oauth.certificateFile: found "client.pem", expected a secret or a certificate, not both',
    ],
    [
      'with a certificate without its key',
      { ...cloud, oauth: { tenant: 'a.test', clientId: 'b', certificateFile: 'client.pem' } },
      '[0].oauth.privateKeyFile: found nothing, expected the private key of certificateFile',
    ],
    [
      'with the key of another certificate',
      {
        ...cloud,
        oauth: { tenant: 'a.test', clientId: 'b', certificateFile: 'client.pem', privateKeyFile: 'other.key' },
      },
      '[0].oauth.privateKeyFile: found "other.key", expected the private key of certificateFile (this is the key of another)',
    ],
    [
      'with a certificate of a kind that Entra ID has not',
      {
        ...cloud,
        oauth: { tenant: 'a.test', clientId: 'b', certificateFile: 'elliptic.pem', privateKeyFile: 'elliptic.key' },
      },
      '[0].oauth.privateKeyFile: found "elliptic.key", expected an RSA key (Entra ID takes no other)',
    ],
    [
      'with a key that nobody can open',
      {
        ...cloud,
        oauth: { tenant: 'a.test', clientId: 'b', certificateFile: 'client.pem', privateKeyFile: 'encrypted.key' },
      },
      '[0].oauth.privateKeyFile: found "encrypted.key", which is encrypted, expected a private key without a password',
    ],
    [
      'with a key that is none',
      {
        ...cloud,
        oauth: { tenant: 'a.test', clientId: 'b', certificateFile: 'client.pem', privateKeyFile: 'damaged.key' },
      },
      '[0].oauth.privateKeyFile: found "damaged.key", which holds a damaged one, expected a file with a private key as PEM (-----BEGIN PRIVATE KEY-----)',
    ],
    [
      'at an authority that is plain, or has a path',
      { ...cloud, oauth: { ...application, authority: 'https://login.microsoftonline.com/tenant' } },
      '[0].oauth.authority: found "https://login.microsoftonline.com/tenant", expected an https address without a path, as in https://login.microsoftonline.com',
    ],
    [
      'behind half a proxy',
      { ...hq, proxy: { url: 'proxy.test:3128', passwordFile: 'proxy-password' } },
      '[0].proxy.username: found nothing, expected the account that the password is for',
      '[0].proxy.url: found "proxy.test:3128", expected an address, as in http://proxy.example.com:3128',
    ],
    [
      'behind a proxy with its account in the address',
      { ...hq, proxy: { url: 'http://a:271828@proxy.test:3128' } },
      '[0].proxy.url: found "http:…@proxy.test:3128", expected an address without an account: that goes into username and passwordFile',
    ],
    [
      'the home of what is no mailbox',
      { ...hq, mailboxes: ['*', 'alice'] },
      '[0].mailboxes[0]: found "*", expected a mail address, or a pattern of one with *, as in *@eu.example.com',
      '[0].mailboxes[1]: found "alice", expected a mail address, or a pattern of one with *, as in *@eu.example.com',
    ],
    [
      'notified without impersonation',
      { ...hq, notifications: { mailboxes: 5 } },
      '[0].notifications.mailboxes: found 5, expected 0, or impersonation: true, which notifications need',
    ],
  ];
  test.each(rows.map(([what, server, ...problems]) => ({ what, server, problems })))('$what', async (row) => {
    const { server, problems } = row;
    expect([...(await wrongWith([server]))].sort()).toEqual([...problems].sort());
  });
});

describe('mailboxes that two servers claim', () => {
  const rows: readonly (readonly [what: string, first: Keys, second: Keys, problem: string])[] = [
    [
      'an address',
      { mailboxes: ['a@b.test'] },
      { mailboxes: ['A@b.test'] },
      '[1].mailboxes[0]: found "A@b.test", expected a mailbox or pattern that is listed once (a has it)',
    ],
    [
      'a pattern that leaves a domain nothing',
      { domains: ['b.test'] },
      { mailboxes: ['*@b.test'] },
      '[1].mailboxes[0]: found "*@b.test", expected a pattern that leaves something to a, which has the domain',
    ],
    [
      'everything else',
      {},
      {},
      '[1].domains: found nothing, expected its mail domains or mailboxes (only one server may go without: a)',
    ],
  ];
  test.each(rows.map(([what, one, two, problem]) => ({ what, one, two, problem })))('$what', async (row) => {
    const { one, two, problem } = row;
    const servers = [
      { ...hq, name: 'a', ...one },
      { ...hq, name: 'b', ...two },
      ...(Object.keys(one).length === 0 ? [] : [hq]),
    ];
    expect(await wrongWith(servers)).toEqual([problem]);
  });

  test('are none when one has addresses of the other’s domain', async () => {
    expect(
      await wrongWith([
        { ...hq, domains: ['example.com'] },
        { ...hq, name: 'b', mailboxes: ['vip-*@example.com'] },
      ]),
    ).toEqual([]);
  });
});

describe('what stands elsewhere', () => {
  test('a server that has a mail domain by a pattern is there for it', async () => {
    expect(await wrongWith([{ ...hq, mailboxes: ['*@*.com'] }])).toEqual([]);
    expect(await wrongWith([{ ...hq, mailboxes: ['*@*.org'] }])).toEqual([
      'directory.rule: found "{local}@example.com", expected a mail domain that a server is there for ([].domains: none)',
    ]);
  });

  test('a server’s staleAfter fits the pace of all', async () => {
    const servers = [{ ...hq, staleAfter: '90m' }];
    expect((await load(folder, yaml(servers))).configuration.exchange.servers[0]?.staleAfter).toBe(5_400_000);
    expect(await wrongWith([{ ...hq, staleAfter: '40m' }])).toEqual([
      '[0].staleAfter: found "40m", expected at least twice calendar.refreshIdle: 1h',
    ]);
    expect(await wrongWith([{ ...hq, staleAfter: '48h' }])).toEqual([
      '[0].staleAfter: found "48h", expected at most calendar.window.future - refreshIdle: 2850m',
    ]);
  });

  test('whoever wants young answers need not know of the pace of idle mailboxes', async () => {
    const { calendar } = (await load(folder, yaml([hq], { calendar: { refresh: '1m', staleAfter: '10m' } })))
      .configuration;
    expect(calendar).toMatchObject({ refresh: 60_000, refreshNear: 60_000, refreshIdle: 300_000 });
  });

  test.each([
    [
      'a near pace above the usual',
      { refreshNear: '6m' },
      'calendar.refreshNear: found "6m", expected at most refresh: 5m',
    ],
    [
      'an idle pace below the usual',
      { refreshIdle: '4m' },
      'calendar.refreshIdle: found "4m", expected at least refresh: 5m',
    ],
    [
      'answers that are stale before the idle are asked again',
      { refreshIdle: '31m' },
      'calendar.staleAfter: found 1h (the default), expected at least twice refreshIdle: 62m',
    ],
  ])('%s is refused', async (_what, calendar, problem) => {
    expect(await wrongWith([hq], { calendar })).toEqual([problem]);
  });
});

describe('secrets of servers', () => {
  test('are not shown, wherever they stand', async () => {
    const problems = await wrongWith([
      {
        ...cloud,
        oauth: { ...application, clientSecretFile: undefined, clientSecret: 271828 },
        proxy: { url: 'http://p.test:1', username: 'u', password: { 271828: 1 } },
      },
    ]);
    expect(problems).toEqual([
      '[0].oauth.clientSecret: found a value that is not shown here, expected text, in quotes',
      '[0].proxy.password: found a mapping, expected text',
    ]);
  });

  test('get a warning when others may read them: private keys, too', async () => {
    chmodSync(folder.file('client.key'), 0o644);
    const { clientSecretFile: _, ...withoutSecret } = application;
    const oauth = { ...withoutSecret, certificateFile: 'client.pem', privateKeyFile: 'client.key' };
    const { warnings } = await load(folder, yaml([{ ...cloud, oauth }]));
    expect(warnings).toEqual([
      expect.stringContaining(`other users of this machine may read ${folder.file('client.key')}`),
    ]);
    chmodSync(folder.file('client.key'), 0o600);
  });

  test('get a warning when they stand in a configuration that others may read', async () => {
    chmodSync(folder.write('gateway.yaml', ''), 0o644);
    const oauth = { ...application, clientSecretFile: undefined, clientSecret: 'x' };
    const proxy = { url: 'http://p.test:1', username: 'u', password: 'y' };
    expect((await load(folder, yaml([{ ...cloud, oauth, proxy }]))).warnings).toHaveLength(2);
    chmodSync(folder.file('gateway.yaml'), 0o600);
  });
});
