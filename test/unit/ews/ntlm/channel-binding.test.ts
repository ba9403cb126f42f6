import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { channelBindingHash, tlsServerEndPoint } from '../../../../adapters/ews/ntlm/channel-binding.ts';
import { makeTempFolder } from '../../../support/temp-folder.ts';

/** A self-signed certificate, DER. */
function certificate(...options: readonly string[]): Buffer {
  const folder = makeTempFolder();
  try {
    const pem = execFileSync(
      'openssl',
      ['req', '-x509', '-nodes', '-subj', '/CN=server', '-days', '1', '-keyout', folder.file('key'), ...options],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
    return new X509Certificate(pem).raw;
  } finally {
    folder.remove();
  }
}

const RSA = ['-newkey', 'rsa:2048'];
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const PSS = [...RSA, '-sigopt', 'rsa_padding_mode:pss'];

describe('tls-server-end-point takes the hash of the certificate signature (RFC 5929 §4.1)', () => {
  test.each([
    ['RSA with SHA-256', [...RSA, '-sha256'], 'sha256'],
    ['RSA with SHA-384', [...RSA, '-sha384'], 'sha384'],
    ['RSA with SHA-512', [...RSA, '-sha512'], 'sha512'],
    ['RSA with SHA-1, which counts as SHA-256', [...RSA, '-sha1'], 'sha256'],
    ['RSASSA-PSS with SHA-384', [...PSS, '-sha384'], 'sha384'],
    ['RSASSA-PSS with SHA-1, which counts as SHA-256', [...PSS, '-sha1'], 'sha256'],
    ['ECDSA with SHA-256', [...EC, '-sha256'], 'sha256'],
    ['ECDSA with SHA-512', [...EC, '-sha512'], 'sha512'],
  ])('%s', (_, options, hash) => {
    const der = certificate(...options);
    expect(tlsServerEndPoint(der)).toEqual(createHash(hash).update(der).digest());
  });

  test('Ed25519 has no hash of its own, so that no binding is defined', () => {
    expect(tlsServerEndPoint(certificate('-newkey', 'ed25519'))).toBeUndefined();
  });

  test('bytes that are no certificate have none', () => {
    const der = certificate(...EC);
    for (let length = 0; length < der.length; length += 7) tlsServerEndPoint(der.subarray(0, length));
    expect(tlsServerEndPoint(Buffer.from('no certificate'))).toBeUndefined();
    expect(tlsServerEndPoint(Buffer.alloc(0))).toBeUndefined();
  });
});

test('an end point is hashed as Windows does it', () => {
  // The example that Microsoft published with Extended Protection: a certificate's SHA-256, and what NTLM sends for it.
  const endPoint = Buffer.from('e3ca49271e5089cc48ce82109f1324f41dbeddc29a777410c738f7868c4ff405', 'hex');
  expect(channelBindingHash(endPoint).toString('hex')).toBe('6ea19df066da4622051f9c4f92c6df74');
});
