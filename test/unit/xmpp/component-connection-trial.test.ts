import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../adapters/runtime/system-clock.ts';
import type { Clock } from '../../../component/runtime/clock.ts';
import { tryConnection } from '../../../component/xmpp/component-connection-trial.ts';
import { FakeComponentServer, type FakeComponentServerOptions } from '../../support/fake-component-server.ts';

async function serve(options: FakeComponentServerOptions = {}) {
  const server = await new FakeComponentServer(options).start();
  onTestFinished(() => server.stop());
  const { domain, secret, port } = server;
  return { server, target: { host: '127.0.0.1', port, domain, secret, clock: systemClock, timeout: 300 } };
}

test('a server that takes us and delivers our ping is reached', async () => {
  const { server, target } = await serve();
  expect(await tryConnection(target)).toEqual({ reached: 'ping' });
  const [stream] = server.streams;
  expect(stream?.stanzas.map(({ name }) => name)).toEqual(['iq']);
});

test('nothing that was begun is left when it is over', async () => {
  const { target } = await serve();
  const running = new Set<object>();
  const clock: Clock = {
    now: () => systemClock.now(),
    after(delay, run) {
      const timer = systemClock.after(delay, () => {
        running.delete(timer);
        run();
      });
      running.add(timer);
      const { cancel } = timer;
      timer.cancel = () => {
        running.delete(timer);
        cancel.call(timer);
      };
      return timer;
    },
  };
  await tryConnection({ ...target, clock, timeout: 10_000 });
  await expect.poll(() => running.size).toBe(0);
});

test('a wrong secret is named', async () => {
  const { target } = await serve();
  const trial = await tryConnection({ ...target, secret: 'wrong' });
  expect(trial).toMatchObject({ reached: 'nothing', end: { fields: { condition: 'not-authorized' } } });
});

test('nobody there is named', async () => {
  const { server, target } = await serve();
  await server.stop();
  const trial = await tryConnection(target);
  expect(trial).toMatchObject({ reached: 'nothing', end: { fields: { code: 'ECONNREFUSED' } } });
});

test('plain text to another machine is refused before anything is sent', async () => {
  const { target } = await serve();
  await expect(tryConnection({ ...target, host: 'xmpp.example.com' })).rejects.toThrow('plain text');
});

test('a server that takes us and swallows the ping is told apart', async () => {
  const { server, target } = await serve();
  server.returnsPings = false;
  expect(await tryConnection(target)).toMatchObject({
    reached: 'handshake',
    end: { message: expect.stringContaining('ping') },
  });
});
