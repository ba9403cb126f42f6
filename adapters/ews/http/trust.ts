import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';
import { LRUCache } from 'lru-cache';

/** Servers have few authorities among them; each context holds all the usual ones. */
const contexts = new LRUCache<string, tls.SecureContext>({ max: 16 });

/**
 * The usual authorities and some more.
 *
 * Built once for each text: Node would parse all certificates anew for each connection, which takes 20 ms. A check of 25
 * servers with one CA file spent most of its time with that.
 *
 * @throws RangeError when the text holds no certificate, or a damaged one: OpenSSL ignores both without a word
 */
export function trust(pem: string): tls.SecureContext {
  const known = contexts.get(pem);
  if (known !== undefined) return known;
  const certificates = certificatesIn(pem);
  if (certificates.length === 0) throw new RangeError('`ca` holds no certificate in PEM form');
  if (!certificates.every(isReadable)) throw new RangeError('`ca` holds a certificate that can not be read');
  usual ??= usualAuthorities();
  const context = tls.createSecureContext({ ca: [...usual, ...certificates] });
  contexts.set(pem, context);
  return context;
}

let usual: readonly string[] | undefined;

/**
 * Whom Node trusts where nothing is configured. To name authorities takes the place of all of these, so they are named,
 * too: those that Node brings along are not enough where NODE_EXTRA_CA_CERTS says more.
 */
function usualAuthorities(): readonly string[] {
  // From Node 22.15 on; it knows of --use-system-ca and --use-openssl-ca as well.
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => readonly string[] };
  return getCACertificates?.('default') ?? [...tls.rootCertificates, ...extraAuthorities()];
}

/** Node 20 keeps them to itself. A file that can't be read it tells of at the start, and goes on without. */
function extraAuthorities(): readonly string[] {
  const file = process.env.NODE_EXTRA_CA_CERTS;
  if (file === undefined || file === '') return [];
  try {
    return certificatesIn(readFileSync(file, 'utf8')).filter(isReadable);
  } catch {
    return [];
  }
}

function certificatesIn(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs) ?? [];
}

function isReadable(certificate: string): boolean {
  try {
    new X509Certificate(certificate);
    return true;
  } catch {
    return false;
  }
}
