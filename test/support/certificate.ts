// Certificates for tests, made with the `openssl` command (Debian and macOS have it).

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { makeTempFolder } from './temp-folder.ts';

/** A key and its certificate, PEM. */
export type TestCertificate = { readonly key: string; readonly cert: string };

export interface TestAuthority {
  /** The authority's own certificate, PEM: what a client has to trust. */
  readonly ca: string;
  /**
   * Makes a server's certificate.
   * @param options.names host names and IPv4 addresses; default `localhost` and `127.0.0.1`
   * @param options.expired whether its time is over since yesterday
   * @param options.ends when its time is over (epoch milliseconds, whole seconds), instead
   */
  issue(options?: { names?: readonly string[]; expired?: boolean; ends?: number }): TestCertificate;
}

/** How long they last. */
const DAYS = 365;
const DAY = 86_400_000;
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Makes an authority that nobody trusts yet. Each file takes about 10 ms; nothing is left on the disk. */
export function makeAuthority(): TestAuthority {
  return inFolder((folder) => {
    openssl(
      'req',
      '-x509',
      ...NEW_KEY,
      '-subj',
      '/CN=Test authority',
      '-days',
      String(DAYS),
      '-keyout',
      folder.file('ca.key'),
      '-out',
      folder.file('ca.pem'),
    );
    const authority = { key: read(folder.file('ca.key')), cert: read(folder.file('ca.pem')) };
    return {
      ca: authority.cert,
      issue: ({ names = ['localhost', '127.0.0.1'], expired = false, ends } = {}) =>
        issue(authority, names, ends ?? Date.now() + (expired ? -1 : DAYS) * DAY),
    };
  });
}

function issue(authority: TestCertificate, names: readonly string[], ends: number): TestCertificate {
  return inFolder((folder) => {
    const key = folder.file('server.key');
    const request = folder.file('server.csr');
    const subject = `/CN=${names[0] ?? 'nobody'}`;
    openssl('req', '-new', ...NEW_KEY, '-subj', subject, '-keyout', key, '-out', request);
    const alternatives = names.map((name) => (/^[\d.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`)).join(',');
    // `openssl x509` counts in days; only `openssl ca`, which wants a configuration and a database, takes instants.
    const settings = [
      ...['[ca]', 'default_ca=test', '[test]', `database=${folder.write('index', '')}`, `new_certs_dir=${folder.path}`],
      ...['rand_serial=yes', 'default_md=sha256', 'policy=any', '[any]', 'commonName=supplied', ''],
    ];
    const certificate = openssl(
      ...['ca', '-batch', '-notext', '-config', folder.write('ca.cnf', settings.join('\n')), '-in', request],
      ...['-startdate', time(Math.min(Date.now(), ends) - DAY), '-enddate', time(ends)],
      ...['-cert', folder.write('ca.pem', authority.cert), '-keyfile', folder.write('ca.key', authority.key)],
      ...['-extfile', folder.write('extensions', `subjectAltName=${alternatives}\nextendedKeyUsage=serverAuth\n`)],
    );
    return { key: read(key), cert: certificate };
  });
}

/** An instant as ASN.1 writes it: `20261124015000Z`. */
function time(instant: number): string {
  return `${new Date(instant).toISOString().replace(/[-:T]|\.\d+Z$/g, '')}Z`;
}

function inFolder<T>(work: (folder: ReturnType<typeof makeTempFolder>) => T): T {
  const folder = makeTempFolder();
  try {
    return work(folder);
  } finally {
    folder.remove();
  }
}

function openssl(...args: string[]): string {
  return execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function read(file: string): string {
  return readFileSync(file, 'utf8');
}
