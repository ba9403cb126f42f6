import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { makeAuthority } from '../support/certificate.ts';
import { startExchangeSimulator } from '../support/exchange-simulator/exchange-simulator.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

function command(...words: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--import', 'tsx', 'adapters/cli/main.ts', ...words],
      { cwd: root },
      (error, stdout, stderr) => resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
  });
}

describe('the command line', () => {
  test('tells its version and its usage', async () => {
    const [version, help] = await Promise.all([command('--version'), command('--help')]);
    expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    expect(help.code).toBe(0);
    for (const word of ['run', 'check', 'config validate', 'config schema', 'Exit codes'])
      expect(help.stdout).toContain(word);
  });

  test.each([
    ['nothing', []],
    ['an unknown command', ['dance']],
    ['an unknown option', ['run', '--fast']],
  ])('ends with 64 and says why when it is %s', async (_, words) => {
    const { code, stdout, stderr } = await command(...words);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toMatch(/presence-gateway/);
  });

  test('prints the JSON Schema of the configuration', async () => {
    const { code, stdout } = await command('config', 'schema');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'object', properties: { xmpp: {}, exchange: {} } });
  });
});

describe('the check', () => {
  async function withServers(servers: (url: string) => object[], run: (file: string) => Promise<void>): Promise<void> {
    const { ca, issue } = makeAuthority();
    const exchange = await startExchangeSimulator({ tls: issue() });
    const folder = makeTempFolder();
    exchange.calendars.addMailbox('alice@example.test');
    folder.write('ca.pem', ca);
    folder.write('password', 'secret');
    folder.write('mistaken', 'mistaken');
    const file = folder.write(
      'gateway.yaml',
      stringify({
        xmpp: { domain: 'calendar.example.test', secret: 'long enough' },
        exchange: { servers: servers(exchange.url.replace('127.0.0.1', 'localhost')) },
        directory: { rule: '{local}@example.test' },
        watchers: { domains: ['example.test'] },
      }),
    );
    try {
      await run(file);
      expect(exchange.rejections).toEqual([]);
    } finally {
      await exchange.stop();
      folder.remove();
    }
  }

  test('goes through every step of a sound server and ends with 0', async () => {
    const server = (url: string) => [
      { name: 'hq', url, username: 'gateway', passwordFile: 'password', caFile: 'ca.pem' },
    ];
    await withServers(server, async (file) => {
      const { code, stdout } = await command('check', '--config', file, '--mailbox', 'alice@example.test');
      expect(stdout).not.toContain('FAIL');
      for (const step of ['resolve', 'connect', 'tls', 'authenticate', 'free-busy', 'version']) {
        expect(stdout).toMatch(new RegExp(`^ok +hq +${step} `, 'm'));
      }
      expect(code).toBe(0);
    });
  });

  test('names what is to be mended, server by server, and ends with 1', async () => {
    const servers = (url: string) => [
      { name: 'hq', url, username: 'gateway', passwordFile: 'mistaken', caFile: 'ca.pem', domains: ['example.test'] },
      { name: 'untrusted', url, username: 'gateway', passwordFile: 'password', sampleMailbox: 'bob@other.test' },
      { name: 'unasked', url, username: 'gateway', passwordFile: 'password', domains: ['third.test'] },
    ];
    await withServers(servers, async (file) => {
      const { code, stdout } = await command('check', '-c', file, '--mailbox', 'alice@example.test', '--json');
      const findings = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { server: string; step: string; ok: boolean; advice?: string });
      const failed = findings.filter(({ ok }) => !ok);
      expect(findings.filter(({ server }) => server === 'unasked')).toMatchObject([
        { seen: expect.stringContaining('sampleMailbox') },
      ]);
      expect(failed.map(({ server, step }) => `${server} ${step}`).sort()).toEqual([
        'hq authenticate',
        'untrusted tls',
      ]);
      for (const { advice } of failed) expect(advice).toBeTruthy();
      expect(stdout).not.toContain('mistaken');
      expect(code).toBe(1);
    });
  });

  test('says so when no server is configured for the mailbox, whatever the servers’ sampleMailboxes are', async () => {
    const servers = (url: string) =>
      [
        { name: 'hq', url, username: 'gateway', passwordFile: 'password', caFile: 'ca.pem', domains: ['example.test'] },
      ].map((server) => ({ ...server, sampleMailbox: 'alice@example.test' }));
    await withServers(servers, async (file) => {
      const { code, stderr } = await command('check', '-c', file, '--mailbox', 'alice@nowhere.test');
      expect(code).toBe(64);
      expect(stderr).toContain('No server is configured for alice@nowhere.test');
    });
  });

  test('asks for a mailbox when it has none to ask about', async () => {
    const server = (url: string) => [
      { name: 'hq', url, username: 'gateway', passwordFile: 'password', caFile: 'ca.pem' },
    ];
    await withServers(server, async (file) => {
      const { code, stderr } = await command('check', '-c', file);
      expect(code).toBe(64);
      expect(stderr).toContain('sampleMailbox');
    });
  });
});
