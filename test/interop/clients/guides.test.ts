// What an administrator copies works: the snippets for the servers, word for word but for ports and names of this
// machine, and the configuration in the README.

import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { makeAuthority } from '../../support/certificate.ts';
import { runCheck } from '../../support/check-command.ts';
import { type RunningProcess, startProcess } from '../../support/child-process.ts';
import { startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import { freePort } from '../../support/free-port.ts';
import { gatewayProgram, root } from '../../support/gateway-program.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';

const SECRET = 'a-secret-for-this-test';
const START_LIMIT = 60_000;

/** What is closed after each test, the last one first. */
const closings: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

test('the snippet for Prosody, put where it says, lets the gateway in', async () => {
  const folder = temporaryFolder();
  const port = await freePort();
  const snippet = adapted('config/prosody.cfg.lua.example', { '5347': String(port), 'CHANGE-ME': SECRET });
  const [global, component] = snippet.split(/^-- 2\. .*$/m);
  mkdirSync(folder.file('certificates'));
  const file = folder.write(
    'prosody.cfg.lua',
    `
run_as_root = true
pidfile = ${JSON.stringify(folder.file('prosody.pid'))}
data_path = ${JSON.stringify(folder.file('data'))}
certificates = ${JSON.stringify(folder.file('certificates'))}
log = { info = "*console" }
c2s_ports = {}
c2s_direct_tls_ports = {}
modules_disabled = { "s2s" }
${global}
VirtualHost "example.com"
${component}
`,
  );
  await serve('prosody', ['-F', '--config', file], port);
  const xmpp = { port, domain: 'calendar.example.com', secretFile: 'component-secret' };
  expect(await check(folder, xmpp)).toEqual(['handshake ok', 'ping ok']);
});

test('the snippet for ejabberd lets the gateway in over TLS, with the configuration that it names', async () => {
  const folder = temporaryFolder();
  const port = await freePort();
  const text = adapted('config/ejabberd.yml.example', {
    '5347': String(port),
    '0.0.0.0': '127.0.0.1',
    'CHANGE-ME': SECRET,
    'xmpp.example.com': 'localhost',
    '/etc/ejabberd/calendar.pem': folder.file('certificate.pem'),
  });
  const authority = makeAuthority();
  const { key, cert } = authority.issue();
  folder.write('authority.pem', authority.ca);
  folder.write('certificate.pem', `${key}${cert}`);
  const configuration = folder.write(
    'ejabberd.yml',
    stringify({
      hosts: ['example.com'],
      loglevel: 'info',
      ca_file: folder.file('authority.pem'),
      ...(parse(text) as object),
    }),
  );
  // Where Debian keeps ejabberd's Erlang libraries is named in its own script.
  const script = readFileSync('/usr/sbin/ejabberdctl', 'utf8');
  const database = JSON.stringify(folder.file('database'));
  await serve('erl', ['-noinput', '-mnesia', 'dir', database, '-s', 'ejabberd'], port, {
    HOME: folder.path,
    ERL_LIBS: /^ERL_LIBS='([^']+)'/m.exec(script)?.[1] ?? '/usr/lib',
    ERL_CRASH_DUMP_SECONDS: '0',
    EJABBERD_CONFIG_PATH: configuration,
    EJABBERD_LOG_PATH: folder.file('ejabberd.log'),
  });
  const named = /^# In gateway\.yaml:\n((?:# {3}.*\n)+)/m.exec(text)?.[1] ?? '';
  const { xmpp } = parse(named.replaceAll(/^# {3}/gm, '')) as { xmpp: object };
  expect(xmpp).toMatchObject({ port, tls: true });
  expect(await check(folder, { ...xmpp, tls: { caFile: 'authority.pem' } })).toContain('handshake ok');
});

test('the configuration in the README is valid as it stands', async () => {
  const folder = temporaryFolder();
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const block = /`\/etc\/presence-gateway\/gateway\.yaml`\n\n((?: {4}.*\n|\n)+)/.exec(readme)?.[1] ?? '';
  const file = folder.write('gateway.yaml', block.replaceAll(/^ {4}/gm, '').replace('/var/lib/presence-gateway/', ''));
  folder.write('component-secret', SECRET);
  folder.write('exchange-password', SECRET);
  const command = [...gatewayProgram(), 'config', 'validate', '--config', file];
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: root });
  expect(stdout).toMatch(/valid/);
  expect(block).toMatch(/^ {4}xmpp:$/m);
  expect(block).toContain('/var/lib/presence-gateway/');
});

function temporaryFolder(): TempFolder {
  const folder = makeTempFolder();
  closings.push(() => folder.remove());
  return folder;
}

/** A file of the repository with other names in it; each of them must be there. */
function adapted(file: string, names: Readonly<Record<string, string>>): string {
  let text = readFileSync(join(root, file), 'utf8');
  for (const [name, other] of Object.entries(names)) {
    if (!text.includes(name)) throw new Error(`${file} has no ${name}`);
    text = text.replaceAll(name, other);
  }
  return text;
}

/** Starts a server and resolves when it listens. */
async function serve(program: string, words: readonly string[], port: number, env = {}): Promise<void> {
  const server = await startProcess(program, words, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  closings.push(() => server.stop('SIGKILL', 0));
  let output = '';
  for (const stream of [server.child.stdout, server.child.stderr]) {
    stream?.on('data', (text) => {
      output = (output + text).slice(-10_000);
    });
  }
  await untilListening(server, port).catch((cause) => {
    throw new Error(`${program} does not listen; it said:\n${output}`, { cause });
  });
}

async function untilListening(server: RunningProcess, port: number): Promise<void> {
  const deadline = Date.now() + START_LIMIT;
  while (!(await accepts(port))) {
    if (!server.isRunning) throw new Error('it ended');
    if (Date.now() > deadline) throw new Error(`not ready after ${START_LIMIT} ms`);
    await sleep(50);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** `presence-gateway check`, as the README has it done; what it says of the last steps to the XMPP server. */
async function check(folder: TempFolder, xmpp: object): Promise<string[]> {
  const exchange = await startExchangeSimulator();
  closings.push(() => exchange.stop());
  exchange.calendars.addMailbox('alice@example.com');
  folder.write('component-secret', SECRET);
  folder.write('exchange-password', 'secret');
  const account = { username: 'gateway', passwordFile: 'exchange-password' };
  const file = folder.write(
    'gateway.yaml',
    stringify({
      xmpp,
      exchange: { servers: [{ name: 'hq', url: exchange.url, ...account }] },
      directory: { rule: '{local}@example.com' },
      watchers: { domains: ['example.com'] },
      storage: { file: folder.file('gateway.db') },
    }),
  );
  const run = await runCheck('--config', file, '--mailbox', 'alice@example.com', '--json');
  const steps = run.findings.filter(({ server, step }) => server === 'XMPP' && /handshake|ping/.test(step));
  return steps.map(({ step, severity }) => `${step} ${severity}`);
}
