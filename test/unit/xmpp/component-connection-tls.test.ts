import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeAuthority } from '../../support/certificate.ts';
import { setUp } from './component-connection-setup.ts';

const authority = makeAuthority();
const { ca } = authority;

describe('direct TLS', () => {
  test('carries the stream to a server that our authority vouches for', async () => {
    const setup = await setUp({ tls: { ca } }, { tls: authority.issue() });
    setup.connection.start();
    await setup.online();
    const stream = await setup.server.stream(0);
    expect('encrypted' in stream.socket && stream.socket.encrypted).toBe(true);
    await setup.connection.stop(1_000);
    expect(stream.text.endsWith('</stream:stream>')).toBe(true);
  });

  test('verifies the name of the host, or the one that is configured', async () => {
    const setup = await setUp(
      { tls: { ca, servername: 'xmpp.example.test' } },
      { tls: authority.issue({ names: ['xmpp.example.test'] }) },
    );
    setup.connection.start();
    await setup.online();
  });

  test.each([
    ['expired', { tls: { ca } }, { expired: true }, 'CERT_HAS_EXPIRED'],
    ['for another name', { tls: { ca } }, { names: ['xmpp.example.test'] }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['of an authority that nobody trusts', { tls: {} }, {}, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['of another authority', { tls: { ca: makeAuthority().ca } }, {}, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ])('is refused when the certificate is %s; not a byte of the stream is sent', async (_, options, issue, code) => {
    const setup = await setUp({ ...options, random: () => 1 }, { tls: authority.issue(issue) });
    setup.connection.start();
    const failure = await setup.failure(0);
    expect(failure).toMatchObject({ level: 'error', fields: { code, retryIn: 15_000 } });
    expect(failure.message).toContain('certificate');
    expect(setup.server.streams.map(({ text }) => text).join('')).toBe('');
  });

  test('to a port that speaks plain text is refused, and the log says so', async () => {
    const plain = createServer((socket) =>
      socket.once('data', () => socket.end("<?xml version='1.0'?><stream:stream>")),
    );
    await once(plain.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void plain.close());
    const setup = await setUp({ tls: { ca }, port: (plain.address() as AddressInfo).port });
    setup.connection.start();
    expect(await setup.failure(0)).toMatchObject({
      level: 'error',
      message: expect.stringContaining('does not speak TLS'),
    });
  });
});
