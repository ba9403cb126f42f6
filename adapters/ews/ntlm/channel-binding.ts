import { createHash } from 'node:crypto';

/**
 * Hashes by the signature algorithm's object identifier, the bytes of its DER content in hex (RFC 8017, RFC 5758,
 * RFC 3279, RFC 8702). MD5 and SHA-1 count as SHA-256 (RFC 5929 §4.1).
 */
const HASHES: Readonly<Record<string, string>> = {
  '2a864886f70d010104': 'sha256', // md5WithRSAEncryption
  '2a864886f70d010105': 'sha256', // sha1WithRSAEncryption
  '2a864886f70d01010b': 'sha256', // sha256WithRSAEncryption
  '2a864886f70d01010c': 'sha384', // sha384WithRSAEncryption
  '2a864886f70d01010d': 'sha512', // sha512WithRSAEncryption
  '2a864886f70d01010e': 'sha224', // sha224WithRSAEncryption
  '2b0e03021d': 'sha256', // sha-1WithRSAEncryption, of old makers
  '2a8648ce3d0401': 'sha256', // ecdsa-with-SHA1
  '2a8648ce3d040301': 'sha224', // ecdsa-with-SHA224
  '2a8648ce3d040302': 'sha256', // ecdsa-with-SHA256
  '2a8648ce3d040303': 'sha384', // ecdsa-with-SHA384
  '2a8648ce3d040304': 'sha512', // ecdsa-with-SHA512
};
const RSASSA_PSS = '2a864886f70d01010a';
/** The hash of RSASSA-PSS stands in its parameters; without any it is SHA-1 (RFC 4055 §3.1). */
const PSS_HASHES: Readonly<Record<string, string>> = {
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
  '608648016503040204': 'sha224',
};

/**
 * A TLS connection's channel binding `tls-server-end-point` (RFC 5929 §4).
 *
 * @param certificate the server's certificate, DER
 * @returns undefined where RFC 5929 defines none: for a signature that has no hash of its own, Ed25519 say
 */
export function tlsServerEndPoint(certificate: Buffer): Buffer | undefined {
  const hash = signatureHash(certificate);
  return hash === undefined ? undefined : createHash(hash).update(certificate).digest();
}

/**
 * An end point as NTLM sends it: in a gss_channel_bindings_struct (RFC 2744 §3.11) without addresses, hashed by MD5
 * (MsvAvChannelBindings in MS-NLMP §2.2.2.1).
 */
export function channelBindingHash(endPoint: Buffer): Buffer {
  const data = Buffer.concat([Buffer.from('tls-server-end-point:', 'latin1'), endPoint]);
  const head = Buffer.alloc(20);
  head.writeUInt32LE(data.length, 16);
  return createHash('md5').update(head).update(data).digest();
}

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm AlgorithmIdentifier, … } (RFC 5280 §4.1). */
function signatureHash(certificate: Buffer): string | undefined {
  const [oid, parameters] = derParts(derParts(derParts(certificate)[0])[1]);
  const name = oid?.toString('hex') ?? '';
  if (name !== RSASSA_PSS) return HASHES[name];
  // RSASSA-PSS-params ::= SEQUENCE { [0] hashAlgorithm AlgorithmIdentifier DEFAULT sha1, … }
  const [pssHash] = derParts(derParts(derParts(parameters)[0])[0]);
  return PSS_HASHES[pssHash?.toString('hex') ?? ''] ?? 'sha256';
}

/** The contents of the elements that stand one after the other in a DER encoding (X.690 §8.1); none after a damage. */
function derParts(der: Buffer | undefined): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; der !== undefined && at + 2 <= der.length; ) {
    let length = der[at + 1] as number;
    let start = at + 2;
    if (length >= 0x80) {
      const size = length & 0x7f;
      if (size === 0 || size > 4 || start + size > der.length) break;
      length = der.readUIntBE(start, size);
      start += size;
    }
    if (start + length > der.length) break;
    parts.push(der.subarray(start, start + length));
    at = start + length;
  }
  return parts;
}
