import xml, { type Element } from '@xmpp/xml';
import { describe, expect, test } from 'vitest';
import { ComponentRequestError } from '../../../component/xmpp/component-connection-requests.ts';
import type { FakeStream } from '../../support/fake-component-server.ts';
import { setUp, setUpOnline } from './component-connection-setup.ts';

const TO = 'Bob@example.test/Phone';

function version(): Element {
  return xml('iq', { type: 'get', to: TO }, xml('query', { xmlns: 'jabber:iq:version' }));
}

async function idOf(stream: FakeStream): Promise<string> {
  return (await stream.stanza(({ attrs }) => attrs.to === TO)).attrs.id as string;
}

function result(id: string, from: string, mark = ''): string {
  return `<iq type='result' id='${id}' from='${from}' to='calendar.example.test'><mark>${mark}</mark></iq>`;
}

describe('a request', () => {
  test('resolves with the result of whom it was sent to, whatever the case of the bare address', async () => {
    const { connection, stream, stanzas } = await setUpOnline();
    const reply = connection.request(version());
    stream.send(result(await idOf(stream), 'bob@EXAMPLE.test/Phone', 'genuine'));
    expect((await reply).getChildText('mark')).toBe('genuine');
    expect(stanzas).toEqual([]);
  });

  test('is not answered by somebody else who knows its id', async () => {
    const { connection, stream, stanzas } = await setUpOnline();
    const reply = connection.request(version());
    const id = await idOf(stream);
    for (const from of ['mallory@example.test/Phone', 'bob@example.test/phone', 'bob@example.test']) {
      stream.send(result(id, from, 'forged'));
    }
    stream.send(result(id, TO, 'genuine'));
    expect((await reply).getChildText('mark')).toBe('genuine');
    expect(stanzas).toHaveLength(3);
  });

  test('rejects with the condition of a stanza error', async () => {
    const { connection, stream } = await setUpOnline();
    const reply = connection.request(version());
    stream.send(
      `<iq type='error' id='${await idOf(stream)}' from='${TO}' to='calendar.example.test'><error type='wait'>` +
        "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>later</text>" +
        "<resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    );
    const error = await reply.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ComponentRequestError);
    expect(error).toMatchObject({ kind: 'refused', condition: 'resource-constraint', type: 'wait' });
  });

  test('rejects when it is refused without saying why', async () => {
    const { connection, stream } = await setUpOnline();
    const reply = connection.request(version());
    stream.send(`<iq type='error' id='${await idOf(stream)}' from='${TO}' to='calendar.example.test'/>`);
    await expect(reply).rejects.toMatchObject({ kind: 'refused', condition: 'undefined-condition' });
  });

  test('rejects after its timeout, and a later reply is a stanza like any other', async () => {
    const { connection, stream, stanzas, clock } = await setUpOnline();
    const reply = connection.request(version(), { timeout: 5_000 });
    const id = await idOf(stream);
    clock.advance(5_000);
    await expect(reply).rejects.toMatchObject({ kind: 'timeout' });
    stream.send(result(id, TO));
    await expect.poll(() => stanzas.length).toBe(1);
  });

  test('rejects with the reason of its signal', async () => {
    const { connection } = await setUpOnline();
    const reason = new Error('enough');
    const controller = new AbortController();
    const reply = connection.request(version(), { signal: controller.signal });
    controller.abort(reason);
    await expect(reply).rejects.toBe(reason);
    await expect(connection.request(version(), { signal: controller.signal })).rejects.toBe(reason);
  });

  test('rejects while offline, and when the connection ends before the reply', async () => {
    const setup = await setUp();
    await expect(setup.connection.request(version())).rejects.toMatchObject({ kind: 'offline' });
    setup.connection.start();
    await setup.online();
    const reply = setup.connection.request(version());
    (await setup.server.stream(0)).socket.destroy();
    await expect(reply).rejects.toMatchObject({ kind: 'offline' });
  });

  test('rejects when a thousand others wait already', async () => {
    const { connection, clock } = await setUpOnline();
    const waiting = Array.from({ length: 1_000 }, () => connection.request(version()).catch(() => 'done'));
    await expect(connection.request(version())).rejects.toMatchObject({ kind: 'overloaded' });
    clock.advance(30_000);
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['done']));
  });

  test('needs an addressee', async () => {
    const { connection } = await setUpOnline();
    await expect(connection.request(xml('iq', { type: 'get' }))).rejects.toThrow(TypeError);
  });
});
