import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { makeAuthority, type TestCertificate } from '../../support/certificate.ts';

/** What a client that trusts `ca` and asks for `servername` sees: the subject, or an OpenSSL error code. */
async function handshake(certificate: TestCertificate, ca: string): Promise<string> {
  const server = createServer(certificate, (socket) => socket.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca,
  });
  try {
    await once(socket, 'secureConnect');
    return 'trusted';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    socket.destroy();
    server.close();
    await once(server, 'close');
  }
}

describe('test certificates', () => {
  const authority = makeAuthority();

  test('a certificate for localhost is trusted by those who trust its authority, and by nobody else', async () => {
    const certificate = authority.issue();
    expect(await handshake(certificate, authority.ca)).toBe('trusted');
    expect(await handshake(certificate, makeAuthority().ca)).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED|CERT_SIGNATURE/);
  });

  test('an expired one is expired, and one for another name does not fit', async () => {
    expect(await handshake(authority.issue({ expired: true }), authority.ca)).toBe('CERT_HAS_EXPIRED');
    expect(await handshake(authority.issue({ names: ['elsewhere.test'] }), authority.ca)).toBe(
      'ERR_TLS_CERT_ALTNAME_INVALID',
    );
  });
});
