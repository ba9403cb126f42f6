// A private ejabberd for one test: the second XMPP server, and the one whose component port can speak TLS.
// It runs without Erlang's distribution: no node name, no epmd. The system's own ejabberd is never touched.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeAuthority } from './certificate.ts';
import { type RunningProcess, startProcess } from './child-process.ts';
import { freePort } from './free-port.ts';
import { makeTempFolder, type TempFolder } from './temp-folder.ts';
import type { XmppServer } from './xmpp-server.ts';
import { connectWatcher, removeAccount } from './xmpp-watcher.ts';

type Component = { readonly domain: string; readonly secret: string };

export type EjabberdOptions = {
  /** Default `example.test`. */
  domain?: string;
  /** Default `calendar.example.test`, with the secret `component-secret`. */
  component?: Component;
  /** On the same ports. */
  moreComponents?: readonly Component[];
  /** Local parts; default alice, bob and carol. The password is the name followed by `-secret`. */
  users?: readonly string[];
  /** Where the certificate of the component port that speaks TLS is named; default `listener`. */
  certificateIn?: 'listener' | 'certfiles';
};

export interface Ejabberd extends XmppServer {
  /** Speaks TLS from the first byte, with a certificate for localhost and 127.0.0.1 that `ca` has signed. */
  readonly componentTlsPort: number;
  readonly ca: string;
}

const START_LIMIT = 60_000;
const STOP_LIMIT = 10_000;
const CONTROL_SCRIPT = '/usr/sbin/ejabberdctl';

/** Starts a private ejabberd and resolves when its users exist. Rejects with its log when it does not start. */
export async function startEjabberd(options: EjabberdOptions = {}): Promise<Ejabberd> {
  const domain = options.domain ?? 'example.test';
  const component = options.component ?? { domain: 'calendar.example.test', secret: 'component-secret' };
  const users = options.users ?? ['alice', 'bob', 'carol'];
  const [c2sPort, componentPort, componentTlsPort] = [await freePort(), await freePort(), await freePort()];
  const folder = makeTempFolder();
  const authority = makeAuthority();
  const { key, cert } = authority.issue();
  const certificate = folder.write('certificate.pem', `${key}${cert}`);
  const { certificateIn = 'listener' } = options;
  const service = {
    module: 'ejabberd_service',
    ip: '127.0.0.1',
    // By default whoever shakes hands for one of the hosts gets its share of the stanzas for all of them.
    global_routes: false,
    hosts: Object.fromEntries(
      [component, ...(options.moreComponents ?? [])].map(({ domain, secret }) => [domain, { password: secret }]),
    ),
  };
  // JSON is YAML.
  const configuration = folder.write(
    'ejabberd.yml',
    JSON.stringify({
      hosts: [domain],
      loglevel: 'info',
      ca_file: folder.write('ca.pem', authority.ca),
      ...(certificateIn === 'certfiles' && { certfiles: [certificate] }),
      auth_method: ['internal'],
      listen: [
        { module: 'ejabberd_c2s', ip: '127.0.0.1', port: c2sPort, shaper: 'none', access: 'all' },
        { ...service, port: componentPort },
        {
          ...{ ...service, port: componentTlsPort, tls: true },
          ...(certificateIn === 'listener' && { certfile: certificate }),
        },
      ],
      modules: { mod_roster: {}, mod_disco: {}, mod_ping: {}, mod_register: {} },
    }),
  );
  const ready = folder.file('ready');
  const log = () => {
    const file = folder.file('ejabberd.log');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  };
  let output = '';
  let ejabberd: RunningProcess | undefined;

  async function start(): Promise<void> {
    rmSync(ready, { force: true });
    const register = users.map(
      (user) => `ejabberd_auth:try_register(${binary(user)}, ${binary(domain)}, ${binary(`${user}-secret`)})`,
    );
    const expression = [...register, `ok = file:write_file(${quote(ready)}, <<>>)`].join(', ');
    const begun = await startProcess(
      'erl',
      ['-noinput', '-mnesia', 'dir', quote(folder.file('database')), '-s', 'ejabberd', '-eval', `${expression}.`],
      {
        cwd: folder.path,
        env: {
          ...process.env,
          ...erlangEnvironment(folder, configuration),
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    ejabberd = begun;
    for (const stream of [begun.child.stdout, begun.child.stderr]) {
      stream?.on('data', (text) => {
        output = (output + text).slice(-10_000);
      });
    }
    await untilReady(begun, () => existsSync(ready)).catch(async (error) => {
      await end('SIGKILL');
      throw new Error(`ejabberd did not start; it said:\n${output}\nIts log:\n${log()}`, { cause: error });
    });
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    await ejabberd?.stop(signal, signal === 'SIGKILL' ? 0 : STOP_LIMIT);
    ejabberd = undefined;
  }

  await start().catch((error: unknown) => {
    folder.remove();
    throw error;
  });

  return {
    c2sPort,
    componentPort,
    componentTlsPort,
    ca: authority.ca,
    domain,
    component,
    log,
    watcher: (user, resource) =>
      connectWatcher({
        port: c2sPort,
        domain,
        username: user,
        password: `${user}-secret`,
        ...(resource === undefined ? {} : { resource }),
      }),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM');
      await start();
    },
    deleteUser: (user) => removeAccount({ port: c2sPort, domain, username: user, password: `${user}-secret` }),
    async remove() {
      // Nothing here is kept: a clean stop would only take a second longer.
      await end('SIGKILL');
      folder.remove();
    },
  };
}

async function untilReady(ejabberd: RunningProcess, isReady: () => boolean): Promise<void> {
  const deadline = Date.now() + START_LIMIT;
  while (!isReady()) {
    if (!ejabberd.isRunning) throw new Error('it ended');
    if (Date.now() > deadline) throw new Error(`not ready after ${START_LIMIT} ms`);
    await sleep(50);
  }
}

/** What ejabberd finds in its environment: where its code is, its configuration, and where its log goes. */
export function erlangEnvironment(folder: TempFolder, configuration: string): Readonly<Record<string, string>> {
  // Debian's folder for Erlang libraries is that of the processor's architecture; its own script names it.
  const script = readFileSync(CONTROL_SCRIPT, 'utf8');
  return {
    HOME: folder.path,
    ERL_LIBS: /^ERL_LIBS='([^']+)'/m.exec(script)?.[1] ?? '/usr/lib',
    ERL_CRASH_DUMP_SECONDS: '0',
    EJABBERD_CONFIG_PATH: configuration,
    EJABBERD_LOG_PATH: folder.file('ejabberd.log'),
  };
}

/** An Erlang string; names and passwords in tests are ASCII. */
function quote(text: string): string {
  return JSON.stringify(text);
}

function binary(text: string): string {
  return `<<${quote(text)}>>`;
}
