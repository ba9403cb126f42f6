import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Transform } from 'node:stream';
import { createServer, connect as tlsConnect } from 'node:tls';
import type { TestCertificate } from './certificate.ts';

export interface TlsRelay {
  readonly port: number;
  close(): void;
}

/**
 * Something on 127.0.0.1 between a client and a TLS server, also on 127.0.0.1, that ends TLS with a certificate of its
 * own: a proxy that may, or somebody who may not.
 *
 * @param options.ca what the server's certificate is verified with, for the name `localhost`
 * @param options.rewrite what becomes of what the server sends, chunk by chunk as it arrives, in Latin-1
 */
export async function startTlsRelay(options: {
  readonly certificate: TestCertificate;
  readonly port: number;
  readonly ca: string;
  readonly rewrite?: (text: string) => string;
}): Promise<TlsRelay> {
  const { certificate, port, ca, rewrite = (text) => text } = options;
  const server = createServer({ key: certificate.key, cert: certificate.cert }, (client) => {
    const onward = tlsConnect({ port, host: '127.0.0.1', ca, servername: 'localhost' });
    const rewriting = new Transform({
      transform: (chunk: Buffer, _, done) => done(null, Buffer.from(rewrite(chunk.toString('latin1')), 'latin1')),
    });
    client.pipe(onward).pipe(rewriting).pipe(client);
    client.on('error', () => onward.destroy());
    onward.on('error', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
    },
  };
}
