// Installs what the tests and the demonstration need and this machine lacks, and says what it installs:
//
//   node test/support/prepare.mjs [--no-prosody] [--ejabberd] [--apache] [--clients]
//
// It runs before node_modules exists: Node's own modules only, and syntax that old Nodes can read up to the version check.
// Exit codes: 0 everything is there; 64 wrong usage; 69 (EX_UNAVAILABLE) something is missing and can't be installed
// here; 130 interrupted.

import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const EX_USAGE = 64;
const EX_UNAVAILABLE = 69;
const EXIT_INTERRUPTED = 130;
const root = fileURLToPath(new URL('../..', import.meta.url));

class Unavailable extends Error {}
class Interrupted extends Error {}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Unavailable(`Node ${process.versions.node} is too old: install Node 20.19 or newer (https://nodejs.org).`);
}

function say(line) {
  process.stdout.write(`prepare: ${line}\n`);
}

/** Runs a program to its end and resolves with its exit code. */
function run(program, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    // Being stopped half-way must not skip the clean-up below: the program is stopped, then we are.
    let interrupted = false;
    const stop = () => {
      interrupted = true;
      child.kill('SIGTERM');
    };
    process.on('SIGINT', stop).on('SIGTERM', stop);
    let errors = '';
    child.stderr.on('data', (text) => {
      // The beginning names the fault; npm adds pages of usage.
      errors = (errors + text).slice(0, 2_000);
    });
    child.on('error', (error) => reject(new Unavailable(`${program} can't be started (${error.code}): install it.`)));
    child.on('close', (code) => {
      process.off('SIGINT', stop).off('SIGTERM', stop);
      if (interrupted) return reject(new Interrupted());
      if (code !== 0 && errors !== '') process.stderr.write(`${errors.trimEnd()}\n`);
      resolve(code ?? 1);
    });
  });
}

function isOnPath(program) {
  const folders = `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);
  return folders.some((folder) => {
    const file = join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return folder !== '' && statSync(file).isFile();
    } catch {
      return false;
    }
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
  } catch {
    return {};
  }
}

/**
 * Whether node_modules holds what package-lock.json names. npm writes node_modules/.package-lock.json when an
 * installation is complete, so that file is the stamp. Packages for other machines are "optional" and may be absent.
 */
function areNpmPackagesInstalled() {
  const wanted = readPackages(join(root, 'package-lock.json'));
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'));
  const same = (path) =>
    installed[path].version === wanted[path]?.version && installed[path].integrity === wanted[path]?.integrity;
  return (
    Object.keys(installed).length > 0 &&
    Object.keys(installed).every(same) &&
    Object.entries(wanted).every(
      ([path, entry]) => path === '' || path in installed || entry.optional || entry.devOptional,
    )
  );
}

async function prepareNpmPackages() {
  if (areNpmPackagesInstalled()) return;
  say('installing the npm packages of package-lock.json (npm ci)');
  const code = await run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
  if (code !== 0) throw new Unavailable('npm ci failed: see above. Run it by hand once the cause is mended.');
}

/** While Debian's policy-rc.d answers 101, no package starts its service. Returns what takes it away again. */
function forbidServiceStarts() {
  const file = '/usr/sbin/policy-rc.d';
  const script = '#!/bin/sh\n# presence-gateway, test/support/prepare.mjs: temporary, may be deleted\nexit 101\n';
  try {
    writeFileSync(file, script, { flag: 'wx', mode: 0o755 });
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    // The administrator's own policy stays as it is; one that an interrupted run of ours left behind goes.
    if (readFileSync(file, 'utf8') !== script) return () => {};
  }
  return () => rmSync(file, { force: true });
}

/** What is installed for each option: Debian's package, and the program or (a pattern of) the file that tells whether it is there. */
const groups = {
  '--prosody': [['prosody', 'prosody']],
  '--ejabberd': [['ejabberd', 'ejabberdctl']],
  // Apache asks for NTLM in code that is not ours, curl answers so.
  '--apache': [
    ['apache2', 'apache2'],
    ['libapache2-mod-auth-gssapi', '/usr/lib/apache2/modules/mod_auth_gssapi.so'],
    ['gss-ntlmssp', '/etc/gss/mech.d/mech.ntlmssp.conf'],
    ['curl', 'curl'],
  ],
  // Jabber clients that are not ours: one in a browser, one in Python.
  '--clients': [
    ['chromium', 'chromium'],
    ['python3-slixmpp', '/usr/lib/python3/dist-packages/slixmpp/__init__.py'],
  ],
};

async function prepareDebianPackage(name, sign) {
  if (sign.startsWith('/') ? existsSync(sign) : isOnPath(sign)) return;
  const command = `apt-get install -y --no-install-recommends ${name}`;
  if (!isOnPath('apt-get')) {
    throw new Unavailable(`${name} is missing, and this is not a Debian or Ubuntu: install it (Debian: ${command}).`);
  }
  if (process.getuid?.() !== 0)
    throw new Unavailable(`${name} is missing, and only root can install it: sudo ${command}`);
  say(`installing Debian's ${name} (${command}); its system service is not started`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const wait = ['-o', 'DPkg::Lock::Timeout=120', '-qq'];
  const install = () => run('apt-get', [...wait, 'install', '-y', '--no-install-recommends', name], env);
  const isListed = await hasCandidate(name);
  // From here on everything that waits is `run`, which an interruption does not tear away from the clean-up.
  const allowServiceStarts = forbidServiceStarts();
  try {
    if (isListed && (await install()) === 0) return;
    say('the package lists are missing or old: apt-get update');
    if ((await run('apt-get', [...wait, 'update'], env)) === 0 && (await install()) === 0) return;
  } finally {
    allowServiceStarts();
  }
  throw new Unavailable(`${name} could not be installed: see above. By hand: ${command}`);
}

/** Whether apt's lists know the package; without lists the first attempt would only print an error. */
function hasCandidate(name) {
  return new Promise((resolve) => {
    const child = spawn('apt-cache', ['show', '--no-all-versions', name], { stdio: 'ignore' });
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code === 0));
  });
}

async function main(args) {
  const unknown = args.filter((argument) => argument !== '--no-prosody' && !(argument in groups));
  if (unknown.length > 0) {
    process.stderr.write(
      `prepare: unknown: ${unknown.join(' ')}\nUsage: node test/support/prepare.mjs [--no-prosody] [--ejabberd] [--apache] [--clients]\n`,
    );
    return EX_USAGE;
  }
  const wanted = args.includes('--no-prosody') ? args : ['--prosody', ...args];
  try {
    checkNode();
    for (const [name, sign] of wanted.flatMap((argument) => groups[argument] ?? []))
      await prepareDebianPackage(name, sign);
    await prepareNpmPackages();
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) return EXIT_INTERRUPTED;
    if (!(error instanceof Unavailable)) throw error;
    process.stderr.write(`prepare: ${error.message}\n`);
    return EX_UNAVAILABLE;
  }
}

process.exitCode = await main(process.argv.slice(2));
