import xml, { type Element } from '@xmpp/xml';
import { describe, expect, test } from 'vitest';
import { LARGEST_STANZA } from '../../../component/xmpp/component-connection-stream.ts';
import { until } from '../../support/fake-component-server.ts';
import { setUp, setUpOnline } from './component-connection-setup.ts';

function message(body: string): string {
  return `<message from='bob@example.test' to='calendar.example.test'><body>${body}</body></message>`;
}

function bodies(stanzas: Element[]): (string | null)[] {
  return stanzas.map((stanza) => stanza.getChildText('body'));
}

describe('what comes in', () => {
  test('characters of several bytes arrive intact wherever the chunks are cut', async () => {
    const { stream, stanzas } = await setUpOnline();
    const text = 'é€😀会議';
    await stream.sendChunks([...Buffer.from(message(text))].map((byte) => Uint8Array.of(byte)));
    await until(() => stanzas.length > 0, 'the message');
    expect(bodies(stanzas)).toEqual([text]);
  });

  test('stanzas that come together with the answer to the handshake come after "online"', async () => {
    const { server, connection, events } = await setUp();
    server.afterHandshake = message('early');
    connection.start();
    await until(() => events.length >= 2, 'two events');
    expect(events).toEqual(['online', 'stanza']);
  });

  test('no iq is answered behind the router’s back', async () => {
    const { stream, stanzas, connection } = await setUpOnline();
    stream.send("<iq type='get' id='1' from='bob@example.test' to='calendar.example.test'><query xmlns='x'/></iq>");
    stream.send("<iq type='get' id='2' from='bob@example.test' to='calendar.example.test'/>");
    await until(() => stanzas.length === 2, 'both iqs');
    connection.send(xml('message', { to: 'bob@example.test', id: 'fence' }));
    await stream.stanza(({ attrs }) => attrs.id === 'fence');
    expect(stream.stanzas.map(({ attrs }) => attrs.id)).toEqual(['fence']);
  });

  test('a listener’s exception or rejection is logged and goes no further', async () => {
    const { connection, stream, stanzas, log, events } = await setUpOnline();
    connection.on('stanza', () => {
      throw new Error('thrown');
    });
    connection.on('stanza', () => Promise.reject(new Error('rejected')));
    stream.send(message('one') + message('two'));
    await until(() => stanzas.length === 2 && log.filter(({ level }) => level === 'error').length === 4, 'all of it');
    expect(connection.isOnline).toBe(true);
    expect(events).not.toContain('offline');
  });

  test('a listener that was taken off hears nothing more', async () => {
    const { connection, stream, stanzas } = await setUpOnline();
    let heard = 0;
    const listener = () => {
      heard++;
    };
    connection.on('stanza', listener);
    connection.off('stanza', listener);
    stream.send(message('one'));
    await until(() => stanzas.length === 1, 'the message');
    expect(heard).toBe(0);
  });

  test('an unfinished stanza beyond the limit ends the stream, which is opened anew', async () => {
    const setup = await setUpOnline();
    setup.stream.send(`<message><body>${'x'.repeat(LARGEST_STANZA + 100_000)}`);
    expect(await setup.failure(0)).toMatchObject({ level: 'error', message: expect.stringContaining('too large') });
    await until(() => setup.stream.text.includes('<policy-violation'), 'the reason');
    setup.skipPause();
    await setup.online();
  });

  test('an element of another namespace is no stanza, whatever its name', async () => {
    const { stream, stanzas } = await setUpOnline();
    for (const namespace of ['urn:x', 'jabber:client', 'jabber:component:accept']) {
      stream.send(`<presence xmlns='${namespace}' type='subscribe' from='bob@example.test' to='alice@example.test'/>`);
    }
    stream.send(message('last'));
    await until(() => stanzas.some(({ name }) => name === 'message'), 'the last stanza');
    expect(stanzas.map(({ attrs }) => attrs.xmlns)).toEqual(['jabber:client', 'jabber:component:accept', undefined]);
  });

  test('what is no XML ends the stream, and the server is told why', async () => {
    const setup = await setUpOnline();
    setup.stream.send('<!-- a comment -->');
    expect(await setup.failure(0)).toMatchObject({ message: expect.stringContaining('not a component stream') });
    await until(() => setup.stream.text.includes('<restricted-xml'), 'the reason');
    setup.skipPause();
    await setup.online();
  });

  test('any number of complete stanzas is no unfinished one', async () => {
    const { stream, stanzas, connection } = await setUpOnline();
    const half = message('x'.repeat(LARGEST_STANZA / 2));
    for (let i = 0; i < 6; i++) stream.send(half);
    await until(() => stanzas.length === 6, 'six messages');
    expect(connection.isOnline).toBe(true);
  });

  test('while too many stanzas are being handled no more are read', async () => {
    const { connection, stream, stanzas } = await setUpOnline({ inboundLimit: 10 });
    const handled: (() => void)[] = [];
    connection.on('stanza', () => new Promise<void>((resolve) => handled.push(resolve)));
    // More than one chunk, so that a pause shows: 4 MiB in stanzas of 16 KiB.
    const flood = message('x'.repeat(16 * 1024)).repeat(256);
    stream.send(flood);
    await until(() => stanzas.length >= 10, 'the first stanzas');
    const before = stanzas.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(stanzas.length).toBe(before);
    expect(stanzas.length).toBeLessThan(10 + 64);
    const release = setInterval(() => {
      for (const done of handled.splice(0)) done();
    }, 1);
    await until(() => stanzas.length === 256, 'the rest').finally(() => clearInterval(release));
  });
});

describe('what goes out', () => {
  test('characters that XML can’t carry are left out, and the stream stays up', async () => {
    const { connection, stream } = await setUpOnline();
    const status = 'a\u0000b\u001f\ud800c\ufffe]]>😀';
    connection.send(xml('presence', { to: 'bob@example.test', id: 'element' }, xml('status', {}, status)));
    const element = await stream.stanza(({ attrs }) => attrs.id === 'element');
    expect(element.getChildText('status')).toBe('abc]]>😀');
  });

  test('a stanza without a sender is from the component’s domain', async () => {
    const { connection, stream } = await setUpOnline();
    connection.send(xml('presence', { to: 'bob@example.test', id: 'a' }));
    connection.send(xml('presence', { to: 'bob@example.test', id: 'b', from: 'alice@calendar.example.test' }));
    expect((await stream.stanza(({ attrs }) => attrs.id === 'a')).attrs.from).toBe('calendar.example.test');
    expect((await stream.stanza(({ attrs }) => attrs.id === 'b')).attrs.from).toBe('alice@calendar.example.test');
  });

  test('nothing is thrown while offline: "false" says that nothing was written', async () => {
    const setup = await setUp();
    const presence = () => xml('presence', { to: 'bob@example.test' });
    expect(setup.connection.send(presence())).toBe(false);
    setup.connection.start();
    await setup.online();
    expect(setup.connection.send(presence())).toBe(true);
    (await setup.server.stream(0)).socket.destroy();
    await setup.offline();
    expect(setup.connection.send(presence())).toBe(false);
    expect(setup.connection.send("<presence to='bob@example.test'/>")).toBe(false);
  });

  test('a write into a connection that is breaking just now is not an exception', async () => {
    const setup = await setUpOnline();
    setup.stream.socket.resetAndDestroy();
    while (setup.connection.isOnline) {
      setup.connection.send(xml('presence', { to: 'bob@example.test' }));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await setup.offline();
  });

  test('stanzas for which a server closes the whole stream are not written: no addressee, too large', async () => {
    const { connection, stream, log } = await setUpOnline();
    expect(connection.send(xml('presence'))).toBe(false);
    expect(connection.send(xml('message', { to: 'b@example.test' }, xml('body', {}, '€'.repeat(200_000))))).toBe(false);
    expect(log.filter(({ level }) => level === 'error')).toHaveLength(2);
    expect(stream.stanzas).toEqual([]);
  });

  test('a server that does not read is given up before its stanzas fill the memory', async () => {
    const setup = await setUpOnline({ windowSize: 1_000_000 });
    setup.stream.vanish();
    const replies = message('x'.repeat(400_000));
    for (let i = 0; i < 200 && setup.connection.isOnline; i++) setup.connection.send(replies);
    expect(setup.connection.isOnline).toBe(false);
    expect((await setup.failure(0)).message).toContain('does not read');
  });
});

describe('the handshake', () => {
  test('a secret outside ASCII is hashed as UTF-8', async () => {
    const { connection } = await setUpOnline({ secret: 'geheim-ä€😀' }, { secret: 'geheim-ä€😀' });
    expect(connection.isOnline).toBe(true);
  });
});

describe('plain text', () => {
  test.each(['127.0.0.1', '127.8.9.10', 'localhost', 'LOCALHOST', '::1'])('to %s is allowed', async (host) => {
    await expect(setUp({ host })).resolves.toBeDefined();
  });

  test.each([
    'xmpp.example.com',
    '10.0.0.1',
    '::2',
    '127.example.com',
    'localhost.example.com',
    'a.localhost',
    '0.0.0.0',
  ])('to %s is refused unless it is asked for', async (host) => {
    await expect(setUp({ host })).rejects.toThrow(/plain text/);
    await expect(setUp({ host, plaintext: true })).resolves.toBeDefined();
    await expect(setUp({ host, tls: {} })).resolves.toBeDefined();
  });

  test('is not fallen back to when the authorities can’t be read', async () => {
    await expect(setUp({ tls: { ca: 'not PEM' } })).rejects.toThrow(/PEM/);
  });
});
