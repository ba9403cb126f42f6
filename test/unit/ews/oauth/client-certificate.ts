import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { makeTempFolder } from '../../../support/temp-folder.ts';

/** A self-signed certificate and its key, PEM, as an application registers one. */
export function makeClientCertificate(key: 'rsa:2048' | 'ed25519' = 'rsa:2048') {
  const folder = makeTempFolder();
  try {
    const file = folder.file('key');
    const words = ['req', '-x509', '-newkey', key, '-nodes', '-subj', '/CN=gateway', '-days', '30', '-keyout', file];
    const certificate = execFileSync('openssl', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    return { certificate, privateKey: readFileSync(file, 'utf8') };
  } finally {
    folder.remove();
  }
}
