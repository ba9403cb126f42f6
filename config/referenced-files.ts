import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Problems } from './problems.ts';
import { type Path, putAt, valueAt } from './yaml-source.ts';

/** What a file of this kind holds, or what is wrong with it. */
type Reading = { readonly text: string } | { readonly found: string; readonly expected: string };

const MAX_SIZE = 1024 * 1024;
/** The group may read: it may be the gateway's own. */
const READABLE_BY_OTHERS = 0o004;

/**
 * Puts the text of each file that the configuration names (`secretFile`, `passwordFile`, `caFile`, …) in the place of
 * its name. What is not a mapping or a name is left for the schema to complain of.
 *
 * @param configuration is changed
 * @param folder where relative names start
 * @param warn is told of secrets that others may read
 */
export async function readReferencedFiles(
  configuration: unknown,
  folder: string,
  problems: Problems,
  warn: (path: Path, warning: string) => void,
): Promise<void> {
  const replace = async (path: Path, read: (content: Buffer) => Reading) => {
    const name = valueAt(configuration, path);
    if (typeof name !== 'string' || name === '') return;
    const file = resolve(folder, name);
    const reading = await readWhole(file, read);
    if ('text' in reading) putAt(configuration, path, reading.text);
    else problems.addAt(path, reading.expected, `${JSON.stringify(file)}, ${reading.found}`);
    if (read !== readCertificates && 'text' in reading && (await isReadableByOthers(file))) {
      warn(path, `other users of this machine may read ${file}; chmod 600 keeps them out`);
    }
  };
  await replace(['xmpp', 'secretFile'], readSecret);
  await replace(['xmpp', 'tls', 'caFile'], readCertificates);
  const servers = valueAt(configuration, ['exchange', 'servers']);
  for (const index of Array.isArray(servers) ? servers.keys() : []) {
    const server = ['exchange', 'servers', index];
    await replace([...server, 'passwordFile'], readSecret);
    await replace([...server, 'caFile'], readCertificates);
    await replace([...server, 'proxy', 'passwordFile'], readSecret);
    await replace([...server, 'oauth', 'clientSecretFile'], readSecret);
    await replace([...server, 'oauth', 'certificateFile'], readCertificates);
    await replace([...server, 'oauth', 'privateKeyFile'], readPrivateKey);
  }
}

/** Whether a file's mode lets everybody read it. @throws when there is no such file */
export async function isReadableByOthers(file: string): Promise<boolean> {
  return ((await stat(file)).mode & READABLE_BY_OTHERS) !== 0;
}

/** Why a file could not be read, in words that follow the name of the file. */
export function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return reasons[code] ?? `which can't be read (${code})`;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'which does not exist',
  ENOTDIR: 'which does not exist',
  EACCES: 'which this user may not read',
  EPERM: 'which this user may not read',
  EISDIR: 'which is a folder',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'which is not UTF-8',
};

async function readWhole(file: string, read: (content: Buffer) => Reading): Promise<Reading> {
  try {
    const stats = await stat(file);
    // Anything else (a pipe, say) might keep us waiting for ever.
    if (!stats.isFile()) return { found: 'which is no file', expected: 'a file' };
    if (stats.size > MAX_SIZE) return { found: 'which is too large', expected: 'a file of at most 1 MiB' };
    return read(await readFile(file));
  } catch (error) {
    return { found: whyUnreadable(error), expected: 'a file that can be read' };
  }
}

/** @throws TypeError when it is not UTF-8: guessed at, it would be a wrong password, and some of those lock an account */
function readSecret(content: Buffer): Reading {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(content).replace(/[\r\n]+$/, '');
  if (text === '') return { found: 'which is empty', expected: 'a file that holds the secret' };
  if (/[\r\n]/.test(text))
    return { found: 'which has several lines', expected: 'a file that holds the secret and nothing else' };
  if (/\p{Cc}/u.test(text))
    return { found: 'which has a control character', expected: 'a file that holds the secret and nothing else' };
  return { text };
}

function readCertificates(content: Buffer): Reading {
  const text = content.toString('utf8');
  const expected = 'a file with certificates as PEM (-----BEGIN CERTIFICATE-----)';
  if (text.trim() === '') return { found: 'which is empty', expected };
  const begun = text.match(/-----BEGIN CERTIFICATE-----/g);
  if (begun === null) return { found: 'which holds none', expected };
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  // Fewer: one was cut short, and whoever reads the whole takes it together with the next.
  if (certificates.length < begun.length || !certificates.every(isCertificate))
    return { found: 'which holds a damaged one', expected };
  return { text };
}

function readPrivateKey(content: Buffer): Reading {
  const text = content.toString('utf8');
  const expected = 'a file with a private key as PEM (-----BEGIN PRIVATE KEY-----)';
  if (text.trim() === '') return { found: 'which is empty', expected };
  if (!/-----BEGIN (?:\w+ )*PRIVATE KEY-----/.test(text)) return { found: 'which holds none', expected };
  // Nobody is there to ask for its password when the gateway starts.
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type:.*ENCRYPTED/m.test(text))
    return { found: 'which is encrypted', expected: 'a private key without a password' };
  try {
    createPrivateKey(text);
    return { text };
  } catch {
    return { found: 'which holds a damaged one', expected };
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem) instanceof X509Certificate;
  } catch {
    return false;
  }
}
