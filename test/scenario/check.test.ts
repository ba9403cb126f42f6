import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { makeAuthority } from '../support/certificate.ts';
import { runCheck } from '../support/check-command.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../support/exchange-simulator/exchange-simulator.ts';
import { FakeComponentServer } from '../support/fake-component-server.ts';
import { gatewayProgram, root } from '../support/gateway-program.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

const { ca, issue } = makeAuthority();
const certificates = { good: issue(), expired: issue({ expired: true }), soon: issue({ ends: daysFromNow(10) }) };

let folder: TempFolder;
let xmpp: FakeComponentServer;
let exchange: ExchangeSimulator;
let url: string;

beforeAll(async () => {
  xmpp = await new FakeComponentServer().start();
});
afterAll(() => xmpp.stop());

beforeEach(async () => {
  folder = makeTempFolder();
  folder.write('ca.pem', ca);
  folder.write('password', 'Pa55-w0rd');
  folder.write('mistaken', 'mistaken');
  await serve({ tls: certificates.good });
});
afterEach(async () => {
  await exchange.stop();
  folder.remove();
  expect(exchange.rejections).toEqual([]);
});

async function serve(options: Parameters<typeof startExchangeSimulator>[0]): Promise<void> {
  await exchange?.stop();
  exchange = await startExchangeSimulator({ account: { username: 'gateway', password: 'Pa55-w0rd' }, ...options });
  exchange.calendars.addMailbox('alice@example.test');
  url = exchange.url.replace('127.0.0.1', 'localhost');
}

function daysFromNow(days: number): number {
  return Math.floor(Date.now() / 1_000 + days * 86_400) * 1_000;
}

const account = { username: 'gateway', passwordFile: 'password', caFile: 'ca.pem' };
const alice = { sampleMailbox: 'alice@example.test' };

function configure(...servers: readonly object[]): string {
  return configureWith({ host: '127.0.0.1', port: xmpp.port }, ...servers);
}

function configureWith(connection: object, ...servers: readonly object[]): string {
  return folder.write(
    'gateway.yaml',
    stringify({
      xmpp: { domain: xmpp.domain, secret: xmpp.secret, ...connection },
      exchange: { servers },
      directory: { rule: '{local}@example.test' },
      watchers: { domains: ['example.test'] },
    }),
  );
}

describe('the check', () => {
  test('goes through every step of a sound server and of XMPP, and ends with 0', async () => {
    const file = configure({ name: 'hq', url, ...account });
    const { code, stdout, stderr } = await runCheck('--config', file, '--mailbox', 'Alice@example.test');
    for (const step of ['resolve', 'connect', 'tls', 'http', 'clock', 'authenticate', 'free-busy', 'throttling']) {
      expect(stdout).toMatch(new RegExp(`^hq +ok +${step} `, 'm'));
    }
    for (const step of ['resolve', 'connect', 'handshake', 'ping']) {
      expect(stdout).toMatch(new RegExp(`^XMPP +ok +${step} `, 'm'));
    }
    expect(stdout).toMatch(/^hq +info +version +Exchange Server 2019/m);
    expect(stdout).toMatch(/\n\nXMPP +ok .*\nhq +info .*\n\n2 places checked: no errors, no warnings\n$/);
    expect([code, stderr]).toEqual([0, '']);
  });

  test('names what does not work, server by server, and ends with 1', async () => {
    const file = configure(
      { name: 'hq', url, ...account, passwordFile: 'mistaken', domains: ['example.test'] },
      { name: 'untrusted', url, username: 'gateway', passwordFile: 'password', sampleMailbox: 'bob@other.test' },
      { name: 'unasked', url, ...account, domains: ['third.test'] },
    );
    const ran = await runCheck('-c', file, '--mailbox', 'alice@example.test', '--json');
    const failed = ran.findings.filter(({ severity }) => severity === 'error');
    expect(failed.map(({ server, step }) => `${server} ${step}`).sort()).toEqual(['hq authenticate', 'untrusted tls']);
    for (const { advice } of failed) expect(advice).toBeTruthy();
    expect(ran.finding('unasked', 'authenticate')?.severity).toBe('ok');
    expect(ran.finding('unasked', 'free-busy')).toMatchObject({ severity: 'info' });
    expect(ran.summary).toMatchObject({
      worst: 'error',
      servers: { XMPP: 'ok', hq: 'error', untrusted: 'error', unasked: 'info' },
    });
    expect(ran.stdout).not.toMatch(/mistaken|Pa55-w0rd|component-secret/);
    expect(ran.code).toBe(1);
  });

  test('ends with 2 when all works and something should be mended', async () => {
    await serve({ tls: certificates.soon });
    const ran = await runCheck('-c', configure({ name: 'hq', url, ...account, ...alice }), '--json');
    expect(ran.finding('hq', 'tls')).toMatchObject({ severity: 'warning', advice: expect.stringMatching(/Renew/) });
    expect(ran.finding('hq', 'free-busy')).toMatchObject({ severity: 'ok' });
    expect(ran.code).toBe(2);
  });

  test('names a certificate that has expired with its date, and does not send the password', async () => {
    await serve({ tls: certificates.expired });
    const ran = await runCheck('-c', configure({ name: 'hq', url, ...account, ...alice }), '--json');
    expect(ran.finding('hq', 'tls')).toMatchObject({
      severity: 'error',
      seen: expect.stringContaining(`expired on ${new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)}`),
    });
    expect(exchange.requests).toEqual([]);
    expect(ran.code).toBe(1);
  });

  test('sends a wrong password that 25 servers share three times in all', async () => {
    const servers = Array.from({ length: 25 }, (_, index) => {
      return { name: `branch${index}`, url, ...account, passwordFile: 'mistaken', domains: [`b${index}.example.test`] };
    });
    const ran = await runCheck('-c', configure(...servers, { name: 'rest', url, ...account }), '--json');
    expect(exchange.requests.filter(({ authorization }) => authorization === 'wrong')).toHaveLength(3);
    const refused = ran.findings.filter(({ step, severity }) => step === 'authenticate' && severity === 'error');
    expect(refused).toHaveLength(25);
    expect(refused.filter(({ seen }) => seen.startsWith('not tried'))).toHaveLength(22);
    // Another password is another account.
    expect(ran.finding('rest', 'authenticate')).toMatchObject({ severity: 'ok' });
    expect(exchange.account.isLocked).toBe(false);
    expect(ran.stderr).toBe('');
  });

  test('checks notifications, automatic replies and Autodiscover where they are configured', async () => {
    await serve({ impersonation: true });
    exchange.calendars.addMailbox('bob@a.test');
    const bob = { sampleMailbox: 'bob@a.test', domains: ['a.test'] };
    const file = configure(
      { name: 'hq', url, ...account, ...bob, impersonation: true, automaticReplies: true },
      { name: 'found', autodiscover: { url: exchange.autodiscoverUrl }, ...account, ...alice },
    );
    const ran = await runCheck('-c', file, '--json', '--server', 'hq', '--server', 'found');
    for (const step of ['impersonation', 'streaming', 'automatic-replies']) {
      expect(ran.finding('hq', step)).toMatchObject({ severity: 'ok' });
    }
    expect(ran.finding('found', 'autodiscover')).toMatchObject({
      severity: 'ok',
      seen: expect.stringContaining(exchange.url),
    });
    expect(ran.finding('found', 'free-busy')).toMatchObject({ severity: 'ok' });
    expect(exchange.notifications.subscriptions).toEqual([]);
    expect(ran.findings.filter(({ server }) => server === 'XMPP')).toEqual([]);
    expect(ran.code).toBe(0);
  });

  test('looks at the certificate of an XMPP server with TLS, and does not send the secret when it is not good', async () => {
    const encrypted = await new FakeComponentServer({ tls: certificates.good }).start();
    const connection = { host: 'localhost', port: encrypted.port };
    try {
      const trusting = configureWith({ ...connection, tls: { caFile: 'ca.pem' } }, { name: 'hq', url, ...account });
      const good = await runCheck('-c', trusting, '--json');
      expect(good.finding('XMPP', 'tls')).toMatchObject({ severity: 'ok', seen: expect.stringContaining('days left') });
      expect(good.finding('XMPP', 'ping')).toMatchObject({ severity: 'ok' });
      const known = encrypted.streams.length;
      const mistrusting = configureWith({ ...connection, tls: true }, { name: 'hq', url, ...account });
      const bad = await runCheck('-c', mistrusting, '--json');
      expect(bad.finding('XMPP', 'tls')).toMatchObject({
        severity: 'error',
        advice: expect.stringContaining('caFile'),
      });
      expect(bad.finding('XMPP', 'handshake')).toBeUndefined();
      expect(encrypted.streams.slice(known).flatMap(({ stanzas }) => stanzas)).toEqual([]);
    } finally {
      await encrypted.stop();
    }
  });

  test('gives back what it has subscribed to when it is interrupted, and prints what it has found', async () => {
    await serve({ impersonation: true });
    exchange.faults.set({ kind: 'stream-silent' });
    const file = configure({ name: 'hq', url, ...account, ...alice, impersonation: true });
    const words = [...gatewayProgram(), 'check', '-c', file];
    const checking = spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] });
    let printed = '';
    checking.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    await expect.poll(() => exchange.notifications.streams.length, { timeout: 20_000 }).toBe(1);
    checking.kill('SIGINT');
    expect(await once(checking, 'close')).toEqual([null, 'SIGINT']);
    expect(printed).toMatch(/^hq +ok +impersonation /m);
    expect(exchange.notifications.subscriptions).toEqual([]);
  });

  test('warns of a sampleMailbox that another server is asked for, and does not ask for it', async () => {
    const file = configure(
      { name: 'hq', url, ...account, ...alice, domains: ['a.test'] },
      { name: 'rest', url, ...account, ...alice },
    );
    const ran = await runCheck('-c', file, '--json');
    expect(ran.finding('hq', 'route')).toMatchObject({
      severity: 'warning',
      seen: expect.stringMatching(/alice@example\.test: it is asked of rest$/),
    });
    expect(ran.finding('hq', 'free-busy')).toMatchObject({ severity: 'info' });
    expect(ran.finding('rest', 'route')).toBeUndefined();
    expect(ran.code).toBe(2);
  });

  test('asks a server for a sampleMailbox that has moved there, and says that another is asked first', async () => {
    const file = configure(
      { name: 'hq', url, ...account, domains: ['example.test'] },
      { name: 'rest', url, ...account, ...alice },
    );
    const ran = await runCheck('-c', file, '--json');
    expect(ran.finding('rest', 'route')).toMatchObject({
      severity: 'info',
      seen: 'the gateway asks this server for alice@example.test only when hq does not have it any more',
    });
    expect(ran.finding('rest', 'free-busy')).toMatchObject({ severity: 'ok' });
    expect(ran.code).toBe(0);
  });

  test.each([
    [['--mailbox', 'alice'], 'did you mean alice@example.test?'],
    [['--mailbox', 'alice@nowhere.test'], 'no server is configured for alice@nowhere.test'],
    [['--server', 'hp'], 'there is no server “hp”; configured are hq, other'],
    [
      ['--server', 'other', '--mailbox', 'alice@example.test'],
      'alice@example.test is on hq, which --server leaves out',
    ],
  ])('asks nobody when the command line makes no sense: %j', async (words, why) => {
    const file = configure(
      { name: 'hq', url, ...account, ...alice, domains: ['example.test'] },
      { name: 'other', url, ...account, domains: ['other.test'] },
    );
    const { code, stderr } = await runCheck('-c', file, ...words);
    expect(code).toBe(64);
    expect(stderr).toContain(why);
    expect(exchange.requests).toEqual([]);
  });
});
