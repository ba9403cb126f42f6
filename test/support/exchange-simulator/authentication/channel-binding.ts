// The channel binding that ties an NTLM log-on to the TLS connection it comes over.
// docs: RFC 5929 §4 (tls-server-end-point), RFC 2744 §3.11 (gss_channel_bindings_struct), [MS-NLMP] §2.2.2.1 (MsvAvChannelBindings)

import { createHash, X509Certificate } from 'node:crypto';

/**
 * The 16 bytes that MsvAvChannelBindings has to hold on connections with this certificate (PEM, its first one).
 *
 * @throws Error when the certificate can't be read
 */
export function channelBindingHash(certificate: string): Buffer {
  const { raw } = new X509Certificate(certificate);
  const endPoint = createHash(digestFor(raw)).update(raw).digest();
  const data = Buffer.concat([Buffer.from('tls-server-end-point:', 'latin1'), endPoint]);
  // Initiator and acceptor: no address type, no address; then the application's data with its length.
  const head = Buffer.alloc(20);
  head.writeUInt32LE(data.length, 16);
  return createHash('md5')
    .update(Buffer.concat([head, data]))
    .digest();
}

/** The hash of the certificate's signature; SHA-256 in the place of MD5 and SHA-1. */
function digestFor(der: Buffer): 'sha256' | 'sha384' | 'sha512' {
  const identifiers: readonly (readonly [digest: 'sha384' | 'sha512', oid: string])[] = [
    ['sha384', '2a864886f70d01010c'], // sha384WithRSAEncryption
    ['sha512', '2a864886f70d01010d'],
    ['sha384', '2a8648ce3d040303'], // ecdsa-with-SHA384
    ['sha512', '2a8648ce3d040304'],
  ];
  // The algorithm stands behind the serial number at the beginning, and again before the signature at the end.
  const hex = der.subarray(0, 96).toString('hex');
  return identifiers.find(([, oid]) => hex.includes(oid))?.[0] ?? 'sha256';
}
