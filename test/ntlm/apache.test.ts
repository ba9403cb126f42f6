// NTLM against code that is not ours: Apache with mod_auth_gssapi over gss-ntlmssp, before the simulator.
// It verifies the response and the MIC. It does not look at the channel binding: mod_auth_gssapi 1.6.4 hands GSSAPI none
// to compare with. test/unit/ews/ntlm/extended-protection.test.ts shows that.
import { randomBytes } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { askFreeBusy } from '../../adapters/ews/free-busy-request.ts';
import { createConnector } from '../../adapters/ews/http/connector.ts';
import { answerChallenge } from '../../adapters/ews/ntlm/answer-challenge.ts';
import { NtlmConnection } from '../../adapters/ews/ntlm/ntlm-connection.ts';
import { ntlmCredentials } from '../../adapters/ews/ntlm/ntlm-credentials.ts';
import { ntlmIdentity } from '../../adapters/ews/ntlm/ntlm-identity.ts';
import { encodeNegotiate, parseChallenge } from '../../adapters/ews/ntlm/ntlm-messages.ts';
import { systemClock } from '../../adapters/runtime/system-clock.ts';
import { missingForApache, startApache } from '../support/apache.ts';
import { makeAuthority } from '../support/certificate.ts';
import { startExchangeSimulator } from '../support/exchange-simulator/exchange-simulator.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import { startTlsRelay } from '../support/tls-relay.ts';
import { openTransport } from '../unit/ews/http/local-server.ts';

const begin = Date.UTC(2026, 2, 2, 9);
const window = { start: begin, end: begin + 3_600_000 };
const alice = 'alice@example.com';
const account = { domain: 'CONTOSO', user: 'svc-presence', password: 'pässword 1' };
const name = `${account.domain}\\${account.user}`;
const answered = [{ mailbox: alice, periods: [{ start: begin, end: begin + 1_800_000, status: 'Busy' }] }];

const missing = missingForApache();
if (missing !== undefined) console.warn(`NTLM against Apache is not tested: ${missing}`);

async function open(extraConfig = '') {
  const authority = makeAuthority();
  const simulator = await startExchangeSimulator();
  onTestFinished(() => simulator.stop());
  simulator.calendars.addMailbox(alice);
  simulator.calendars.book(alice, { start: begin, end: begin + 1_800_000, status: 'Busy' });
  const apache = await startApache({
    certificate: authority.issue(),
    account,
    backend: {
      origin: new URL(simulator.url).origin,
      authorization: `Basic ${Buffer.from('gateway:secret').toString('base64')}`,
    },
    extraConfig,
  });
  onTestFinished(() => apache.remove());
  const client = (user: string, password: string, connections = 4, origin = apache.origin) => {
    const transport = openTransport(`${origin}/EWS/Exchange.asmx`, {
      credentials: ntlmCredentials(user, password, { channelBinding: true }),
      ca: authority.ca,
      connections,
    });
    const context = { transport, clock: systemClock, logger: new RecordingLogger(), knownOddities: new Set<string>() };
    return () => askFreeBusy(context, [alice], window, new AbortController().signal);
  };
  /** Status and user of each request, connection by connection. */
  const byConnection = () => {
    const requests = apache.requests();
    const ports = new Set(requests.map(({ clientPort }) => clientPort));
    return [...ports].map((port) =>
      requests
        .filter(({ clientPort }) => clientPort === port)
        .map(({ status, user }) => `${status} ${user ?? ''}`.trim()),
    );
  };
  return { authority, simulator, apache, client, byConnection };
}

// Apache writes a backslash of a name as two.
const letIn = `200 ${name.replace('\\', '\\\\')}`;

describe.skipIf(missing !== undefined)('Apache with gss-ntlmssp', () => {
  test('lets us in with one handshake for all requests on a connection', async () => {
    const { client, byConnection } = await open();
    const ask = client(name, account.password);
    for (let i = 0; i < 3; i++) expect(await ask()).toMatchObject(answered);
    await expect.poll(byConnection).toEqual([['401', letIn, letIn, letIn]]);
  });

  test('is shaken hands with on each of two connections', async () => {
    const { client, byConnection } = await open();
    const ask = client(name, account.password, 2);
    expect(await Promise.all([ask(), ask()])).toMatchObject([answered, answered]);
    expect(await Promise.all([ask(), ask()])).toMatchObject([answered, answered]);
    const each = ['401', letIn, letIn];
    await expect.poll(byConnection).toEqual([each, each]);
  });

  test('knows us without the domain as well', async () => {
    const { client } = await open();
    expect(await client(account.user, account.password)()).toMatchObject(answered);
  });

  test.each([
    ['a wrong password', name, 'wrong'],
    ['a user whom it does not know', 'CONTOSO\\nobody', account.password],
  ])('refuses %s, again and again, and the server behind it sees nothing', async (_, user, password) => {
    const { client, simulator, byConnection } = await open();
    const ask = client(user, password);
    for (let i = 0; i < 2; i++) {
      await expect(ask()).rejects.toMatchObject({
        kind: 'unauthorized',
        message: expect.stringMatching(/password.*Negotiate, NTLM/),
      });
    }
    expect(simulator.requests).toHaveLength(0);
    await expect.poll(() => byConnection().flat()).toEqual(['401', '401', '401', '401']);
  });

  test('takes NTLM under Negotiate where it offers nothing else', async () => {
    // Apache 2.4 can't take a header of its own out of a 401: something between does.
    const { client, byConnection, apache, authority } = await open(
      'RequestHeader edit Authorization ^NTLM Other early',
    );
    const relay = await startTlsRelay({
      certificate: authority.issue(),
      port: Number(new URL(apache.origin).port),
      ca: authority.ca,
      rewrite: (text) => text.replace(/^WWW-Authenticate: NTLM\r\n/m, ''),
    });
    onTestFinished(() => relay.close());
    const ask = client(name, account.password, 4, `https://localhost:${relay.port}`);
    expect(await ask()).toMatchObject(answered);
    expect(await ask()).toMatchObject(answered);
    await expect.poll(byConnection).toEqual([['401', '401', letIn, letIn]]);
  });

  test.each([
    ['as it was made, is accepted', 0, 404],
    ['changed by a bit, is refused', 1, 401],
  ])('verifies the MIC: one %s', async (_, change, status) => {
    const { apache, authority } = await open();
    const connect = createConnector({ ca: authority.ca, connectTimeout: 5_000, clock: systemClock });
    const client = { flags: 0xe0888215, version: Buffer.alloc(8), workstation: 'TEST' };
    let withTime = false;
    const connection = new NtlmConnection({
      origin: apache.origin,
      options: { connect },
      channelBinding: false,
      handshake: {
        negotiate: encodeNegotiate(client.flags, client.version),
        authenticate(bytes) {
          const challenge = parseChallenge(bytes);
          withTime = challenge.timestamp !== undefined;
          const message = answerChallenge({
            client,
            identity: ntlmIdentity(name, account.password),
            challenge,
            now: Date.now(),
            random: { challenge: randomBytes(8), sessionKey: randomBytes(16) },
          });
          message.writeUInt8(message.readUInt8(80) ^ change, 80);
          return message;
        },
      },
    });
    onTestFinished(() => connection.destroy(new Error('the test is over')));
    const request = { path: '/none', headers: {}, body: '', signal: new AbortController().signal };
    const response = await connection.request(request);
    await response.body.dump();
    expect(withTime).toBe(true);
    // What is let in finds that the simulator has nothing at this address.
    expect(response.statusCode).toBe(status);
  });
});
