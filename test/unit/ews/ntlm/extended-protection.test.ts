// The handshake as a server with Extended Protection sees it. Its side of NTLM is the simulator's, which shares no code
// with ours.
import { describe, expect, onTestFinished, test } from 'vitest';
import { askFreeBusy } from '../../../../adapters/ews/free-busy-request.ts';
import { ntlmCredentials } from '../../../../adapters/ews/ntlm/ntlm-credentials.ts';
import { systemClock } from '../../../../adapters/runtime/system-clock.ts';
import { makeAuthority } from '../../../support/certificate.ts';
import {
  type ExchangeSimulatorOptions,
  startExchangeSimulator,
} from '../../../support/exchange-simulator/exchange-simulator.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';
import { startTlsRelay } from '../../../support/tls-relay.ts';
import { openTransport } from '../http/local-server.ts';

const start = Date.UTC(2026, 2, 2, 9);
const window = { start, end: start + 3_600_000 };
const authority = makeAuthority();
const account = { username: 'gateway', password: 'pässword' };

async function open(options: ExchangeSimulatorOptions = {}) {
  const simulator = await startExchangeSimulator({
    tls: authority.issue(),
    authentication: ['negotiate', 'ntlm'],
    account,
    ...options,
  });
  onTestFinished(() => simulator.stop());
  simulator.calendars.addMailbox('alice@example.com');
  return simulator;
}

/** Asks for Alice's calendar. */
function ask(url: string, channelBinding: boolean, user = account.username, password = account.password) {
  const transport = openTransport(url, {
    credentials: ntlmCredentials(user, password, { channelBinding }),
    ca: authority.ca,
  });
  const context = { transport, clock: systemClock, logger: new RecordingLogger(), knownOddities: new Set<string>() };
  return askFreeBusy(context, ['alice@example.com'], window, new AbortController().signal);
}

/** Something between that ends TLS with a certificate of its own: a proxy, or somebody who passes the log-on on. */
async function endTls(url: string): Promise<string> {
  const { port, pathname } = new URL(url);
  const relay = await startTlsRelay({ certificate: authority.issue(), port: Number(port), ca: authority.ca });
  onTestFinished(() => relay.close());
  return `https://127.0.0.1:${relay.port}${pathname}`;
}

const answered = [{ mailbox: 'alice@example.com', periods: [] }];

describe('a server that demands Extended Protection', () => {
  test('takes a handshake that is bound to its certificate', async () => {
    const simulator = await open({ extendedProtection: 'require' });
    expect(await ask(simulator.url, true)).toMatchObject(answered);
  });

  test('refuses one that is not', async () => {
    const simulator = await open({ extendedProtection: 'require' });
    await expect(ask(simulator.url, false)).rejects.toMatchObject({ kind: 'unauthorized' });
  });

  test('refuses one that somebody between passes on, and the advice names the way out', async () => {
    const simulator = await open({ extendedProtection: 'require' });
    await expect(ask(await endTls(simulator.url), true)).rejects.toMatchObject({
      kind: 'unauthorized',
      message: expect.stringContaining('channelBinding'),
    });
  });
});

test('behind a proxy that ends TLS a server that allows it is reached with the binding switched off, and not with it', async () => {
  const simulator = await open({ extendedProtection: 'allow' });
  const proxy = await endTls(simulator.url);
  expect(await ask(proxy, false)).toMatchObject(answered);
  await expect(ask(proxy, true)).rejects.toMatchObject({ kind: 'unauthorized' });
});

test('the domain may be named, and over plain http there is nothing to bind to', async () => {
  const simulator = await open({ account: { ...account, domain: 'CONTOSO' } });
  expect(await ask(simulator.url, true, 'CONTOSO\\gateway')).toMatchObject(answered);
  const plain = await startExchangeSimulator({ authentication: ['ntlm'], account });
  onTestFinished(() => plain.stop());
  plain.calendars.addMailbox('alice@example.com');
  expect(await ask(plain.url, true)).toMatchObject(answered);
});

test('a wrong password is refused with advice', async () => {
  const simulator = await open();
  await expect(ask(simulator.url, true, 'gateway', 'wrong')).rejects.toMatchObject({
    kind: 'unauthorized',
    message: expect.stringContaining('password'),
  });
});
