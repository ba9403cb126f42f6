import net from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { AccountTurns } from '../../../../adapters/ews/check/account-turns.ts';
import { checkServer } from '../../../../adapters/ews/check/server-check.ts';
import { basicCredentials } from '../../../../adapters/ews/http/authentication.ts';
import { systemClock } from '../../../../adapters/runtime/system-clock.ts';
import { AccountGuard } from '../../../../component/calendar/account-guard.ts';
import { openComponentSocket } from '../../../../component/xmpp/component-connection-socket.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';
import { openTransport, post, serve } from './local-server.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** The time that was given to each address in the attempts to connect. */
function attempts(): unknown[] {
  const times: unknown[] = [];
  const { connect } = net.Socket.prototype;
  vi.spyOn(net.Socket.prototype, 'connect').mockImplementation(function (this: net.Socket, ...words: unknown[]) {
    const [first] = words.flat(1) as { autoSelectFamilyAttemptTimeout?: unknown }[];
    times.push(first?.autoSelectFamilyAttemptTimeout);
    return (connect as (...words: unknown[]) => net.Socket).apply(this, words);
  } as never);
  return times;
}

test('each address of a distant Exchange gets time enough, in a check as in earnest', async () => {
  const { url } = await serve((_request, response) => response.end('x'));
  const times = attempts();
  await post(openTransport(url));
  expect(times).toEqual([2_000]);
  const { signal } = new AbortController();
  const credentials = basicCredentials('gateway', 'secret');
  const options = {
    url,
    credentials,
    account: new AccountTurns(new AccountGuard(), systemClock),
    mailbox: 'alice@example.com',
    clock: systemClock,
    logger: new RecordingLogger(),
    signal,
  };
  for await (const _ of checkServer(options));
  expect(times.length).toBeGreaterThan(2);
  expect(new Set(times)).toEqual(new Set([2_000]));
});

test('so does each address of a distant XMPP server', () => {
  const times = attempts();
  const target = { host: '127.0.0.1', port: 9 };
  for (const tls of [undefined, {}]) {
    const socket = openComponentSocket({ ...target, tls }, () => {});
    socket.on('error', () => {});
    socket.destroy();
  }
  expect(times).toEqual([2_000, 2_000]);
});
