// A private Prosody 0.12 for one test: its own folder, free ports on loopback, no connection to other servers.
// The system's own Prosody, its files and its service are never touched.

import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningProcess, startProcess } from './child-process.ts';
import { freePort } from './free-port.ts';
import { makeTempFolder, type TempFolder } from './temp-folder.ts';
import type { XmppServer } from './xmpp-server.ts';
import { connectWatcher, removeAccount } from './xmpp-watcher.ts';

export type ProsodyOptions = {
  /** The users' domain; default `example.test`. */
  domain?: string;
  /** Default `calendar.example.test`, with the secret `component-secret`. */
  component?: { domain: string; secret: string };
  /** Local parts; default alice, bob and carol. The password is the name followed by `-secret`. */
  users?: readonly string[];
  /** Lua, put at the end of the global section. */
  extraConfig?: string;
  /** Lua, put at the end of the component's section, for example `validate_from_addresses = false`. */
  extraComponentConfig?: string;
  /** More modules for the users' host, for example `websocket`. */
  modules?: readonly string[];
  /** Default `info`; `debug` shows every stanza, and slows down. */
  logLevel?: 'debug' | 'info';
};

export interface Prosody extends XmppServer {
  addUser(user: string): void;
  passwordOf(user: string): string;
}

const START_LIMIT = 15_000;
const STOP_LIMIT = 5_000;

/** Starts a private Prosody and resolves when it listens on both ports. Rejects with its log when it doesn't. */
export async function startProsody(options: ProsodyOptions = {}): Promise<Prosody> {
  const domain = options.domain ?? 'example.test';
  const component = options.component ?? { domain: 'calendar.example.test', secret: 'component-secret' };
  const folder = makeTempFolder();
  const [c2sPort, componentPort] = [await freePort(), await freePort()];
  mkdirSync(folder.file('certificates'));
  const configuration = folder.write(
    'prosody.cfg.lua',
    configurationText({ ...options, domain, component, c2sPort, componentPort, folder }),
  );
  const passwordOf = (user: string) => `${user}-secret`;
  const addUser = (user: string) => {
    folder.write(`data/${encodeName(domain)}/accounts/${encodeName(user)}.dat`, accountText(passwordOf(user)));
  };
  for (const user of options.users ?? ['alice', 'bob', 'carol']) addUser(user);

  const log = () => (existsSync(folder.file('prosody.log')) ? readFileSync(folder.file('prosody.log'), 'utf8') : '');
  let prosody: RunningProcess | undefined;

  async function start(): Promise<void> {
    const from = log().length;
    // A process that was killed leaves its pid file, and a pid in use again would stop the next start.
    rmSync(folder.file('prosody.pid'), { force: true });
    prosody = await startProcess('prosody', ['-F', '--config', configuration], { stdio: 'ignore' }).catch((error) => {
      throw new Error('Prosody can not be started; `node test/support/prepare.mjs` installs it', { cause: error });
    });
    const deadline = Date.now() + START_LIMIT;
    while (!isReady(log().slice(from))) {
      if (!prosody.isRunning || Date.now() > deadline || log().includes('Failed to open server port', from)) {
        await end('SIGKILL');
        throw new Error(`Prosody did not start; its log:\n${log().slice(from)}`);
      }
      await sleep(10);
    }
  }

  /** Its own word and not a connection: another program may have taken a port meanwhile, and would accept us. */
  function isReady(said: string): boolean {
    return (
      said.includes(`'c2s' on [127.0.0.1]:${c2sPort}`) && said.includes(`'component' on [127.0.0.1]:${componentPort}`)
    );
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    await prosody?.stop(signal, STOP_LIMIT);
    prosody = undefined;
  }

  await start();
  return {
    c2sPort,
    componentPort,
    domain,
    component,
    log,
    addUser,
    passwordOf,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM');
      await start();
    },
    async remove() {
      await end('SIGTERM');
      folder.remove();
    },
    deleteUser: (user) => removeAccount({ port: c2sPort, domain, username: user, password: passwordOf(user) }),
    watcher: (user, resource) =>
      connectWatcher({
        port: c2sPort,
        domain,
        username: user,
        password: passwordOf(user),
        ...(resource === undefined ? {} : { resource }),
      }),
  };
}

type ConfigurationInput = ProsodyOptions & {
  domain: string;
  component: { domain: string; secret: string };
  c2sPort: number;
  componentPort: number;
  folder: TempFolder;
};

function configurationText(input: ConfigurationInput): string {
  const { folder } = input;
  const modules = ['roster', 'saslauth', 'disco', 'ping', 'user_account_management', ...(input.modules ?? [])];
  return `
run_as_root = true
pidfile = ${quote(folder.file('prosody.pid'))}
data_path = ${quote(folder.file('data'))}
certificates = ${quote(folder.file('certificates'))}
log = { ${input.logLevel ?? 'info'} = ${quote(folder.file('prosody.log'))} }
interfaces = { "127.0.0.1" }
c2s_ports = { ${input.c2sPort} }
c2s_direct_tls_ports = {}
component_ports = { ${input.componentPort} }
component_interfaces = { "127.0.0.1" }
modules_enabled = { ${modules.map(quote).join(', ')} }
modules_disabled = { "s2s", "s2s_auth_certs", "tls", "offline" }
authentication = "internal_plain"
storage = "internal"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
${input.extraConfig ?? ''}
VirtualHost ${quote(input.domain)}
Component ${quote(input.component.domain)}
  component_secret = ${quote(input.component.secret)}
  ${input.extraComponentConfig ?? ''}
`;
}

/** An account as Prosody's internal storage keeps it: prosodyctl would need a process (0.2 s) for each. */
function accountText(password: string): string {
  return `return {\n\t["password"] = ${quote(password)};\n};\n`;
}

/** How Prosody's internal storage writes a name in a path: everything but ASCII letters and digits as %xx, by byte. */
function encodeName(name: string): string {
  return [...Buffer.from(name)]
    .map((byte) =>
      /[A-Za-z0-9]/.test(String.fromCharCode(byte))
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).padStart(2, '0')}`,
    )
    .join('');
}

/** A Lua string. JSON's escapes are Lua's for everything that passwords and paths in tests contain. */
function quote(text: string): string {
  return JSON.stringify(text);
}
