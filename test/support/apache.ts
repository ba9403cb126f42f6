// A private Apache 2.4 for one test that asks for NTLM (mod_auth_gssapi over gss-ntlmssp) and hands what it lets through
// to another server: its own folder, a free port on loopback. The system's own Apache and its files are never touched.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestCertificate } from './certificate.ts';
import { type RunningProcess, startProcess } from './child-process.ts';
import { freePort } from './free-port.ts';
import { makeTempFolder } from './temp-folder.ts';

export type ApacheOptions = {
  /** For TLS. */
  readonly certificate: TestCertificate;
  /** Whom it lets in. */
  readonly account: { readonly domain: string; readonly user: string; readonly password: string };
  /** Where requests go: the origin of an http server, and what is added to them there, such as its own account's header. */
  readonly backend: { readonly origin: string; readonly authorization?: string };
  /** Lines for the end of the virtual host. */
  readonly extraConfig?: string;
};

export interface Apache {
  /** `https://localhost:…` */
  readonly origin: string;
  /** One line for each request: the client's port, whether the connection was used before, status, user, scheme. */
  requests(): readonly ApacheRequest[];
  errorLog(): string;
  /** Stops it and removes its folder. */
  remove(): Promise<void>;
}

export type ApacheRequest = {
  readonly clientPort: number;
  /** How many requests the connection had before this one. */
  readonly earlier: number;
  readonly status: number;
  readonly user: string | undefined;
};

const PROGRAM = '/usr/sbin/apache2';
const MODULES = '/usr/lib/apache2/modules';
const GSS_NTLMSSP = '/etc/gss/mech.d/mech.ntlmssp.conf';
const START_LIMIT = 15_000;
const STOP_LIMIT = 5_000;

/** What is missing on this machine for such an Apache; undefined when nothing is. */
export function missingForApache(): string | undefined {
  const needed = {
    apache2: PROGRAM,
    'libapache2-mod-auth-gssapi': `${MODULES}/mod_auth_gssapi.so`,
    'gss-ntlmssp': GSS_NTLMSSP,
  };
  const missing = Object.entries(needed).flatMap(([name, file]) => (existsSync(file) ? [] : [name]));
  return missing.length === 0 ? undefined : `Debian packages are missing: ${missing.join(', ')}`;
}

/** Starts a private Apache and resolves when it listens. Rejects with its log when it doesn't. */
export async function startApache(options: ApacheOptions): Promise<Apache> {
  const folder = makeTempFolder();
  const port = await freePort();
  const { account, certificate } = options;
  mkdirSync(folder.file('run'));
  const users = folder.write('users', `${account.domain}:${account.user}:${account.password}\n`);
  folder.write('server.crt', certificate.cert);
  folder.write('server.key', certificate.key);
  const configuration = folder.write('httpd.conf', configurationText(options, port, folder.path));
  const read = (name: string) => (existsSync(folder.file(name)) ? readFileSync(folder.file(name), 'utf8') : '');
  const log = () => read('error.log') + read('output.log');

  let apache: RunningProcess | undefined;
  async function remove(): Promise<void> {
    await apache?.stop('SIGTERM', STOP_LIMIT);
    folder.remove();
  }

  try {
    // -X: one process without children, so that nothing stays behind when it is killed.
    const command = [PROGRAM, '-X', '-d', folder.path, '-f', configuration, '-E', folder.file('output.log')];
    const [program = PROGRAM, ...args] = process.getuid?.() === 0 ? asWebServer(command, folder.path) : command;
    apache = await startProcess(program, args, {
      stdio: 'ignore',
      env: { PATH: process.env.PATH, NTLM_USER_FILE: users },
    });
    const deadline = Date.now() + START_LIMIT;
    while (!(await listens(port))) {
      if (!apache.isRunning || Date.now() > deadline) throw new Error(`Apache did not start; its log:\n${log()}`);
      await sleep(10);
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    origin: `https://localhost:${port}`,
    requests: () => read('access.log').split('\n').filter(Boolean).map(readRequest),
    errorLog: log,
    remove,
  };
}

/**
 * As the user that Debian has for it, which Apache insists on. It does not change to it by itself: a process that did
 * would no longer be ended together with its parent.
 */
function asWebServer(command: readonly string[], folder: string): readonly string[] {
  execFileSync('chown', ['-R', 'www-data:', folder]);
  const user = ['--reuid=www-data', '--regid=www-data', '--clear-groups', '--pdeathsig=KILL'];
  return ['/usr/bin/setpriv', ...user, ...command];
}

/** With -X Apache does not say that it is ready. */
async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function readRequest(line: string): ApacheRequest {
  const [clientPort, earlier, status, user] = line.split(' ');
  return {
    clientPort: Number(clientPort),
    earlier: Number(earlier),
    status: Number(status),
    user: user === '-' ? undefined : user,
  };
}

function configurationText({ backend, extraConfig = '' }: ApacheOptions, port: number, folder: string): string {
  const modules = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'auth_gssapi', 'ssl', 'headers', 'proxy'];
  const setAuthorization =
    backend.authorization === undefined
      ? 'RequestHeader unset Authorization'
      : `RequestHeader set Authorization "${backend.authorization}"`;
  return `
ServerName localhost
ServerRoot ${folder}
DefaultRuntimeDir ${folder}/run
PidFile ${folder}/run/apache.pid
Mutex file:${folder}/run
Listen 127.0.0.1:${port}
ErrorLog ${folder}/error.log
LogLevel info
LogFormat "%{remote}p %k %>s %u" requests
CustomLog ${folder}/access.log requests
KeepAlive On
KeepAliveTimeout 60
ThreadsPerChild 25
${[...modules, 'proxy_http'].map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
SSLEngine on
SSLCertificateFile ${folder}/server.crt
SSLCertificateKeyFile ${folder}/server.key
ProxyPass / ${backend.origin}/
<Location "/">
  AuthType GSSAPI
  AuthName "NTLM"
  GssapiAllowedMech ntlmssp
  GssapiConnectionBound On
  GssapiPublishErrors On
  Require valid-user
  ${setAuthorization}
</Location>
${extraConfig}
`;
}
