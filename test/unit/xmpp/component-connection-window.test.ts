import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type FakeStream, until } from '../../support/fake-component-server.ts';
import { type Setup, setUp, setUpOnline } from './component-connection-setup.ts';

type Online = Setup & { stream: FakeStream };

function presence(id: number): string {
  return `<presence from='alice@calendar.example.test' to='bob@example.test' id='${id}'/>`;
}

/** Writes as bulk traffic does: as much as there is room for. Returns how many. */
function fill({ connection }: Setup): number {
  let written = 0;
  for (let room = connection.room(); room > 0; room = connection.room()) {
    const text = Array.from({ length: room }, (_, i) => presence(written + i)).join('');
    expect(connection.send(text, room)).toBe(true);
    written += room;
  }
  return written;
}

function pings({ stream }: Online): string[] {
  return stream.stanzas.filter(({ name }) => name === 'iq').map(({ attrs }) => attrs.id as string);
}

async function waitForPings(setup: Online, count: number): Promise<string[]> {
  await until(() => pings(setup).length >= count, `${count} pings`);
  return pings(setup);
}

function acknowledge({ stream }: Online, id: string, from = 'calendar.example.test'): void {
  stream.send(`<iq type='result' id='${id}' from='${from}' to='calendar.example.test'/>`);
}

async function unanswering(options = {}): Promise<Online> {
  const setup = await setUpOnline({ windowSize: 10, ...options });
  setup.server.returnsPings = false;
  return setup;
}

describe('the window', () => {
  test('lets two windows out, each followed by a ping to the server, and no more before an answer', async () => {
    const setup = await unanswering();
    expect(fill(setup)).toBe(20);
    await waitForPings(setup, 2);
    expect(setup.stream.stanzas.map(({ name }) => name[0]).join('')).toBe(`${'p'.repeat(10)}i${'p'.repeat(10)}i`);
    expect(setup.connection.room()).toBe(0);
  });

  test('makes room when its ping is answered, by whatever comes back under its id', async () => {
    const setup = await unanswering();
    fill(setup);
    const [first, second] = await waitForPings(setup, 2);
    acknowledge(setup, first as string);
    await until(() => setup.connection.room() === 10, 'room for one window');
    setup.stream.send(
      `<iq type='error' id='${second}' from='calendar.example.test' to='calendar.example.test'>` +
        "<error type='cancel'><feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    );
    expect(fill(setup)).toBe(10);
    const [, , third] = await waitForPings(setup, 3);
    acknowledge(setup, third as string);
    await until(() => fill(setup) > 0, 'room');
    expect(setup.stanzas).toEqual([]);
  });

  test('is not opened by somebody who knows the id of a ping', async () => {
    const setup = await unanswering();
    fill(setup);
    const [first] = await waitForPings(setup, 1);
    acknowledge(setup, first as string, 'mallory@example.test');
    await until(() => setup.stanzas.length === 1, 'the forged answer');
    expect(setup.connection.room()).toBe(0);
  });

  test('counts replies, which go out beside it', async () => {
    const setup = await unanswering();
    fill(setup);
    expect(setup.connection.send(presence(99))).toBe(true);
    await setup.stream.stanza(({ attrs }) => attrs.id === '99');
    const [, second] = await waitForPings(setup, 2);
    acknowledge(setup, second as string);
    await until(() => setup.connection.room() > 0, 'room');
    expect(setup.connection.room()).toBe(9);
  });

  test('is ended after a second when it stays partial', async () => {
    const setup = await unanswering();
    setup.connection.send(presence(1));
    setup.connection.send(presence(2));
    setup.clock.advance(999);
    await setup.stream.stanza(({ attrs }) => attrs.id === '2');
    expect(pings(setup)).toEqual([]);
    setup.clock.advance(1);
    const [ping] = await waitForPings(setup, 1);
    // What is written meanwhile waits for that answer, and is then acknowledged with a ping of its own.
    setup.connection.send(presence(3));
    setup.clock.advance(5_000);
    await setup.stream.stanza(({ attrs }) => attrs.id === '3');
    expect(pings(setup)).toHaveLength(1);
    acknowledge(setup, ping as string);
    await waitForPings(setup, 2);
  });

  test('carries any number of stanzas to a server that answers', async () => {
    const setup = await setUpOnline();
    let written = 0;
    while (written < 5_000) {
      await setup.connection.whenRoom(AbortSignal.timeout(3_000));
      const count = setup.connection.room();
      setup.connection.send(presence(written).repeat(count), count);
      written += count;
    }
    await until(() => setup.stream.stanzas.filter(({ name }) => name === 'presence').length === written, 'all of them');
    expect(pings(setup)).toHaveLength(10);
  });

  test('is new with each connection', async () => {
    const setup = await unanswering();
    fill(setup);
    expect(setup.connection.room()).toBe(0);
    setup.stream.socket.destroy();
    await setup.offline();
    expect(setup.connection.room()).toBe(0);
    setup.skipPause();
    await setup.online();
    expect(setup.connection.room()).toBe(10);
  });
});

describe('waiting for room', () => {
  test('ends when a window was acknowledged', async () => {
    const setup = await unanswering();
    fill(setup);
    const waiting = setup.connection.whenRoom(AbortSignal.timeout(3_000));
    const [first] = await waitForPings(setup, 1);
    acknowledge(setup, first as string);
    await waiting;
    expect(setup.connection.room()).toBe(10);
  });

  test('goes on while offline and ends when the connection is there', async () => {
    const setup = await setUp();
    let ended = false;
    const waiting = setup.connection.whenRoom(AbortSignal.timeout(3_000)).then(() => {
      ended = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBe(false);
    setup.connection.start();
    await waiting;
    expect(setup.connection.isOnline).toBe(true);
  });

  test('ends with the reason of its signal', async () => {
    const setup = await setUp();
    const reason = new Error('enough');
    const controller = new AbortController();
    const waiting = setup.connection.whenRoom(controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(setup.connection.whenRoom(controller.signal)).rejects.toBe(reason);
  });
});

describe('stopping', () => {
  test('waits until what was written is acknowledged, then closes the stream, then the socket', async () => {
    const setup = await unanswering();
    setup.connection.send(presence(1));
    let stopped = false;
    const stopping = setup.connection.stop(30_000).then(() => {
      stopped = true;
    });
    const [ping] = await waitForPings(setup, 1);
    expect(stopped).toBe(false);
    expect(setup.stream.text).not.toContain('</stream:stream>');
    expect(setup.connection.send(presence(2))).toBe(false);
    acknowledge(setup, ping as string);
    await stopping;
    await until(() => setup.stream.isClosed, 'the end of the socket');
    expect(setup.stream.text.endsWith('</stream:stream>')).toBe(true);
    expect(setup.events).toEqual(['online', 'offline']);
    expect(setup.clock.pending).toBe(0);
  });

  test('takes no longer than its timeout, and tells how much was not acknowledged', async () => {
    const setup = await unanswering();
    fill(setup);
    const stopping = setup.connection.stop(5_000);
    await waitForPings(setup, 2);
    setup.clock.advance(5_000);
    await stopping;
    expect(setup.log.at(-1)).toMatchObject({ level: 'warn', fields: { unacknowledged: 20 } });
    expect(setup.clock.pending).toBe(0);
  });

  test('ends when the connection breaks meanwhile, and nothing is connected anew', async () => {
    const setup = await unanswering();
    fill(setup);
    const stopping = setup.connection.stop(5_000);
    setup.stream.socket.destroy();
    await stopping;
    setup.clock.advance(600_000);
    expect(setup.clock.pending).toBe(0);
    expect(setup.server.streams).toHaveLength(1);
  });

  test.each(['say-nothing', 'header-only'] as const)('is immediate while connecting (%s)', async (greeting) => {
    const setup = await setUp();
    setup.server.greeting = greeting;
    setup.connection.start();
    await until(() => (setup.server.streams[0]?.text ?? '') !== '', 'our header');
    await setup.connection.stop(5_000);
    expect(setup.clock.pending).toBe(0);
    expect(setup.events).toEqual([]);
  });

  test('between two attempts ends the attempts', async () => {
    const setup = await setUp();
    setup.server.greeting = 'close';
    setup.connection.start();
    await setup.failure(0);
    await setup.connection.stop(5_000);
    expect(setup.clock.pending).toBe(0);
  });

  test('before the start, and twice, is nothing', async () => {
    const setup = await setUp();
    await setup.connection.stop(5_000);
    setup.connection.start();
    await setup.online();
    await Promise.all([setup.connection.stop(5_000), setup.connection.stop(5_000)]);
    expect(setup.events).toEqual(['online', 'offline']);
  });

  test('can be followed by another start', async () => {
    const setup = await setUpOnline();
    await setup.connection.stop(5_000);
    setup.connection.start();
    await setup.online();
  });

  test('is not held up by stanzas that are still being handled', async () => {
    const setup = await setUpOnline({ inboundLimit: 1 });
    setup.connection.on('stanza', () => new Promise(() => {}));
    setup.stream.send("<message from='bob@example.test' to='calendar.example.test'/>");
    await until(() => setup.stanzas.length === 1, 'the message');
    setup.connection.send(presence(1));
    await setup.connection.stop(5_000);
    expect(setup.log.at(-1)).toMatchObject({ level: 'info', fields: { unacknowledged: 0 } });
  });

  test.each([
    ['while connecting', 'header-only', ''],
    ['after a stream error', 'accept', '<stream:error><reset/></stream:error>'],
  ] as const)('leaves no timer of xmpp.js that would hold the process (%s)', async (_, greeting, text) => {
    const setup = await setUp();
    setup.server.greeting = greeting;
    // xmpp.js makes its timers with the global function; `until` does not.
    const running = new Set<unknown>();
    let made = 0;
    const { setTimeout: set, clearTimeout: clear } = globalThis;
    vi.stubGlobal('setTimeout', (...args: Parameters<typeof set>) => {
      const timer = set(...args);
      running.add(timer);
      made++;
      return timer;
    });
    vi.stubGlobal('clearTimeout', (timer: NodeJS.Timeout) => {
      running.delete(timer);
      clear(timer);
    });
    onTestFinished(() => void vi.unstubAllGlobals());
    setup.connection.start();
    const stream = await setup.server.stream(0);
    await until(() => stream.text.includes('</handshake>'), 'our handshake');
    expect(made).toBeGreaterThan(0);
    if (text !== '') {
      await setup.online();
      stream.send(text);
      await setup.offline();
    }
    const stopping = setup.connection.stop(0);
    setup.clock.advance(1);
    await stopping;
    await until(() => stream.isClosed && running.size === 0, 'the end of the timers');
  });
});
