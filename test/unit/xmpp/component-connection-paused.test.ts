import { expect, test } from 'vitest';
import { until } from '../../support/fake-component-server.ts';
import { setUpOnline } from './component-connection-setup.ts';

const MESSAGE = "<message from='bob@example.test' to='calendar.example.test'/>";

function presence(id: number): string {
  return `<presence from='alice@calendar.example.test' to='bob@example.test' id='${id}'/>`;
}

async function setUpPaused() {
  const setup = await setUpOnline({ inboundLimit: 2, windowSize: 10, keepAlive: 3_600_000 });
  let release!: () => void;
  const slow = new Promise<void>((resolve) => {
    release = resolve;
  });
  setup.connection.on('stanza', () => slow);
  setup.stream.send(MESSAGE + MESSAGE);
  await until(() => setup.stanzas.length === 2, 'both messages');
  const ping = async () => {
    setup.connection.send(Array.from({ length: 10 }, (_, i) => presence(i)).join(''), 10);
    await setup.stream.stanza(({ name }) => name === 'iq');
  };
  return { ...setup, clock: setup.clock, connection: setup.connection, release, ping };
}

test('a ping is not overdue while we ourselves read nothing', async () => {
  const { connection, clock, events, release, ping } = await setUpPaused();
  await ping();
  clock.advance(60_000);
  release();
  await until(() => connection.room() === 10, 'the acknowledgement');
  clock.advance(60_000);
  expect(connection.isOnline).toBe(true);
  expect(events).not.toContain('offline');
});

test('a server that is dead when we read again is found dead', async () => {
  const { server, clock, events, release, ping } = await setUpPaused();
  server.returnsPings = false;
  await ping();
  release();
  await until(() => {
    clock.advance(31_000);
    return events.includes('offline');
  }, 'the end');
});
