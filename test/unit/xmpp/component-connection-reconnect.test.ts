import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { FakeComponentServer, type Greeting, until } from '../../support/fake-component-server.ts';
import { freePort } from '../../support/free-port.ts';
import { type Setup, setUp, setUpOnline } from './component-connection-setup.ts';

/** The pauses after the first `count` failed connections, in seconds. The last one is not over. */
async function pauses(setup: Setup, count: number): Promise<number[]> {
  const found: number[] = [];
  setup.connection.start();
  for (let n = 0; n < count; n++) {
    if (n > 0) setup.skipPause();
    found.push(((await setup.failure(n)).fields.retryIn as number) / SECOND);
  }
  return found;
}

describe('a connection that does not come about', () => {
  test.each<[string, Greeting]>([
    ['accepts TCP and says nothing', 'say-nothing'],
    ['opens the stream and does not answer the handshake', 'header-only'],
  ])('is given up and tried anew when the server %s', async (_, greeting) => {
    const setup = await setUp({ connectTimeout: 4_000 });
    setup.server.greeting = greeting;
    setup.connection.start();
    await until(() => (setup.server.streams[0]?.text ?? '').includes('<stream:stream'), 'our header');
    setup.clock.advance(3_999);
    expect(setup.log).toEqual([]);
    setup.clock.advance(1);
    expect((await setup.failure(0)).message).toContain('in time');
    setup.server.greeting = 'accept';
    setup.skipPause();
    await setup.online();
  });

  test('waits longer after each failure, up to a minute', async () => {
    const setup = await setUp({ port: await freePort(), random: () => 1 });
    expect(await pauses(setup, 8)).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    expect(setup.log[0]).toMatchObject({ level: 'warn', fields: { code: 'ECONNREFUSED' } });
  });

  test('tries nothing before the pause is over', async () => {
    const setup = await setUp({ random: () => 1 });
    setup.server.greeting = 'close';
    setup.connection.start();
    await setup.failure(0);
    setup.clock.advance(SECOND - 1);
    expect(setup.server.streams).toHaveLength(1);
    setup.clock.advance(1);
    await setup.server.stream(1);
  });

  test.each([
    ['conflict', /already has a connection.*stop the other gateway/],
    ['not-authorized', /refused the component secret.*make the secret/],
    ['host-unknown', /does not know this component domain.*add it.*5347/],
  ])('tells the administrator what to mend after "%s", and waits longer', async (condition, message) => {
    const setup = await setUp({ random: () => 1 });
    setup.server.greeting = { streamError: condition };
    expect(await pauses(setup, 6)).toEqual([15, 30, 60, 120, 240, 300]);
    for (const line of setup.log) {
      expect(line).toMatchObject({ level: 'error', fields: { condition } });
      expect(line.message).toMatch(message);
    }
    setup.server.greeting = 'accept';
    setup.skipPause();
    await setup.online();
  });

  test('a wrong secret is refused as such', async () => {
    const setup = await setUp({ secret: 'wrong' });
    setup.connection.start();
    expect((await setup.failure(0)).fields.condition).toBe('not-authorized');
  });

  test('another kind of failure begins its pauses anew', async () => {
    const setup = await setUp({ random: () => 1 });
    setup.server.greeting = 'close';
    await pauses(setup, 4);
    setup.server.greeting = { streamError: 'conflict' };
    setup.skipPause();
    expect((await setup.failure(4)).fields.retryIn).toBe(15 * SECOND);
  });

  test('something that is not XMPP at all is not an exception', async () => {
    const other = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n<html><p>&nbsp;</html>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const setup = await setUp({ port: (other.address() as { port: number }).port });
    setup.connection.start();
    await setup.failure(0);
  });
});

describe('a connection that ends', () => {
  test('is made anew, and tells its owner both', async () => {
    const setup = await setUpOnline();
    setup.stream.socket.destroy();
    await setup.offline();
    setup.skipPause();
    await setup.online();
    expect(setup.events).toEqual(['online', 'offline', 'online']);
  });

  test('is not made anew by xmpp.js, which would do so after a second whatever the pause', async () => {
    const setup = await setUpOnline();
    setup.stream.streamError('conflict');
    await setup.offline();
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(setup.server.streams).toHaveLength(1);
  });

  test('comes back when the server was restarted', async () => {
    const setup = await setUpOnline();
    const { port } = setup.server;
    await setup.server.stop();
    await setup.offline();
    setup.skipPause();
    await setup.failure(1);
    const restarted = await new FakeComponentServer().start(port);
    onTestFinished(() => restarted.stop());
    setup.skipPause();
    await setup.online();
  });

  test('that was sound for a minute is missed for a short time only', async () => {
    const setup = await setUp({ random: () => 1, keepAlive: MINUTE });
    setup.server.greeting = 'close';
    await pauses(setup, 4);
    setup.server.greeting = 'accept';
    setup.skipPause();
    await setup.online();
    setup.clock.advance(MINUTE);
    setup.server.streams.at(-1)?.socket.destroy();
    expect((await setup.failure(4)).fields.retryIn).toBe(SECOND);
  });

  test('that ends as soon as it is online is not made anew in a hurry', async () => {
    const setup = await setUp({ random: () => 1 });
    setup.server.afterHandshake = '</stream:stream>';
    expect(await pauses(setup, 4)).toEqual([1, 2, 4, 8]);
  });

  const bad: [string, string][] = [
    ['an entity that XML does not know', '<message><body>&bogus;</body></message>'],
    ['a character reference that XML forbids', '<message><body>&#0;</body></message>'],
    ['tags that do not match', '<message><body></message></body>'],
    ['an end where nothing began', '</message></message>'],
    ['elements after the end of the stream', '</stream:stream><message/><message/>'],
    ['text after the end of the stream', '</stream:stream>text<message/>'],
    ['an empty stream error', '<stream:error/>'],
    [
      'a stream error with text alone',
      "<stream:error><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
    ],
    ['a stream error', "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"],
    [
      'a stream error, then more',
      '<stream:error><reset/></stream:error><message><a></b></message></stream:stream><x/>',
    ],
  ];

  test.each(bad)('by %s is made anew', async (_, text) => {
    const setup = await setUpOnline();
    setup.stream.send(text);
    await setup.offline();
    setup.skipPause();
    await setup.online();
    expect(setup.stanzas).toEqual([]);
  });

  test('by "see-other-host" does not follow to a host that nobody configured', async () => {
    const elsewhere = await new FakeComponentServer().start();
    onTestFinished(() => elsewhere.stop());
    const setup = await setUpOnline();
    setup.stream.send(
      "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>" +
        `127.0.0.1:${elsewhere.port}</see-other-host></stream:error>`,
    );
    expect((await setup.failure(0)).fields.condition).toBe('see-other-host');
    await until(() => setup.stream.isClosed, 'the end of the stream');
    setup.skipPause();
    await setup.server.stream(1);
    await setup.online();
    expect(elsewhere.streams).toEqual([]);
  });

  test('because the server shuts down is no error of ours', async () => {
    const setup = await setUpOnline();
    setup.stream.streamError('system-shutdown');
    expect(await setup.failure(0)).toMatchObject({ level: 'warn', fields: { condition: 'system-shutdown' } });
  });
});

describe('a dead peer', () => {
  test('that vanished without a word is found by an unanswered ping, given up, and connected to anew', async () => {
    const setup = await setUpOnline({ keepAlive: 60_000, ackTimeout: 30_000 });
    setup.stream.vanish();
    setup.clock.advance(60_000 + 29_999);
    expect(setup.connection.isOnline).toBe(true);
    setup.clock.advance(1);
    expect(setup.connection.isOnline).toBe(false);
    expect((await setup.failure(0)).message).toContain('did not answer a ping');
    setup.skipPause();
    await setup.online();
    await setup.server.stream(1);
  });

  test('is found after the first stanzas that it does not acknowledge', async () => {
    const setup = await setUpOnline({ ackTimeout: 5_000 });
    setup.stream.vanish();
    setup.connection.send("<presence to='bob@example.test'/>");
    setup.clock.advance(1_000 + 5_000);
    expect(setup.connection.isOnline).toBe(false);
  });

  test('is not one that is merely idle', async () => {
    const setup = await setUpOnline({ keepAlive: 10_000, ackTimeout: 5_000 });
    for (let ping = 1; ping <= 3; ping++) {
      setup.clock.advance(10_000);
      await until(() => setup.stream.stanzas.length === ping, `ping ${ping}`);
      // Comes behind the answer to the ping.
      setup.stream.send("<message from='bob@example.test' to='calendar.example.test'/>");
      await until(() => setup.stanzas.length === ping, `message ${ping}`);
    }
    setup.clock.advance(9_999);
    expect(setup.connection.isOnline).toBe(true);
    expect(setup.stream.stanzas).toHaveLength(3);
  });
});
