// What the gateway relies on in ejabberd, seen on the wire with a bare component: Debian's 23.01. A test that fails here
// after an upgrade of ejabberd names an assumption of ours that is no longer true. The lines of its log are those that
// docs/servers.md explains. The same for Prosody: test/interop/prosody-facts.test.ts.

import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { xml } from '@xmpp/client';
import { describe, expect, test } from 'vitest';
import { startEjabberd } from '../support/ejabberd.ts';
import { observe, ping, presence } from '../support/observed-server.ts';

const SILENCE = 250;

const ejabberd = observe(() =>
  startEjabberd({ users: ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi'] }),
);
const { connect, contact, logged, logIn, subscribe, userJid } = ejabberd;

describe('the component stream on ejabberd', () => {
  test('a second connection for the same domain is accepted, and the stanzas are split between both', async () => {
    const components = [await connect(), await connect()];
    const bob = await logIn('bob');
    const many = 40;
    for (let number = 0; number < many; number++) {
      await bob.send(xml('message', { to: contact(`alice${number}`) }, xml('body', {}, '?')));
    }
    const counts = () => components.map(({ text }) => text.match(/<message/g)?.length ?? 0);
    await expect.poll(() => counts().reduce((sum, count) => sum + count), { timeout: 5_000 }).toBe(many);
    expect(Math.min(...counts())).toBeGreaterThan(0);
  });

  test('a wrong secret is refused with not-authorized', async () => {
    await expect(connect('wrong')).rejects.toMatchObject({ condition: 'not-authorized' });
    await logged(/Failed external component handshake authentication for calendar\.example\.test .*not authorized/);
  });

  test('a domain that ejabberd does not know is refused with not-authorized, too', async () => {
    await expect(connect('secret', 'elsewhere.test')).rejects.toMatchObject({ condition: 'not-authorized' });
    await logged(/Domain elsewhere\.test is unconfigured for external component/);
  });

  test('a stanza from a foreign domain closes the stream with invalid-from', async () => {
    const component = await connect();
    await component.write(`<presence from='alice@elsewhere.test' to='${userJid('bob')}'/>`);
    await component.waitFor(/<invalid-from/);
    await component.closed;
  });

  test('a stanza without `to` closes the stream with improper-addressing', async () => {
    const component = await connect();
    await component.write(`<message from='${contact()}' id='nowhere'><body>?</body></message>`);
    await component.waitFor(/<improper-addressing/);
    await component.closed;
  });

  test('a stanza from an impossible address of our domain is answered with bad-request, and the stream stays', async () => {
    const component = await connect();
    await component.write(`<presence from='a"b@${ejabberd.domain}' to='${userJid('bob')}'/>`);
    await component.waitFor(/type=['"]error['"][\s\S]*<bad-request/);
    expect(component.isOpen).toBe(true);
  });

  test('a character that XML forbids closes the whole stream, written plainly or as a reference', async () => {
    for (const character of ['\u0001', '&#1;']) {
      const component = await connect();
      await component.write(
        `<presence from='${contact()}' to='${userJid('bob')}'><status>${character}</status></presence>`,
      );
      await component.waitFor(/<not-well-formed/);
      await component.closed;
    }
  });

  test('a stanza of well over 512 KiB is delivered', async () => {
    const component = await connect();
    const bob = await logIn('bob');
    const text = 'x'.repeat(600 * 1024);
    await component.write(`<message from='${contact()}' to='${bob.jid}'><body>${text}</body></message>`);
    expect((await bob.next((stanza) => stanza.name === 'message', 10_000)).body).toHaveLength(text.length);
    expect(component.isOpen).toBe(true);
  });

  test('a ping from the component’s domain to the server is answered, and one to its own domain comes back', async () => {
    const component = await connect();
    await component.write(ping('p1', ejabberd.domain, ejabberd.users));
    await component.waitFor(/<iq(?=[^>]* id=['"]p1['"])(?=[^>]* type=['"](result|error)['"])/);
    await component.write(ping('p2', ejabberd.domain, ejabberd.domain));
    await component.waitFor(/<iq(?=[^>]* id=['"]p2['"])(?=[^>]* type=['"]get['"])/);
  });

  test('presence to an unknown or offline user vanishes in silence', async () => {
    const component = await connect();
    await component.write(
      `<presence from='${contact()}' to='${userJid('nobody')}'/><presence from='${contact()}' to='${userJid('carol')}'/>`,
    );
    await component.write(ping('p3', ejabberd.domain, ejabberd.users));
    await component.waitFor(/id=['"]p3['"]/);
    expect(component.text).not.toMatch(/<presence/);
  });
});

describe('TLS at ejabberd’s component port', () => {
  test.each([
    ['the listener’s certfile', 'listener', 'encrypted'],
    ['certfiles, where other listeners find theirs,', 'certfiles', 'refused'],
  ] as const)('a certificate in %s leads to: %s → %s', async (_, certificateIn, expected) => {
    const server = await startEjabberd({ certificateIn });
    const socket = connectTls({ port: server.componentTlsPort, host: '127.0.0.1', ca: server.ca });
    const outcome = await new Promise((resolve) => {
      socket.once('secureConnect', () => resolve('encrypted'));
      socket.once('error', () => resolve('refused')).once('close', () => resolve('refused'));
    });
    socket.destroy();
    await server.remove();
    expect(outcome).toBe(expected);
  });
});

describe('subscriptions on ejabberd', () => {
  test("at each log-in the component is probed from the watcher's full JID; later presence and log-out say nothing", async () => {
    const component = await connect();
    await (await subscribe(component, 'bob')).stop();
    for (const resource of ['phone', 'desk']) {
      component.forget();
      const bob = await logIn('bob', resource);
      await component.waitFor(presence('probe', `${userJid('bob')}/${resource}`));
      expect(component.text.match(/<presence/g)).toHaveLength(1);
      component.forget();
      await bob.send(xml('presence', {}, xml('show', {}, 'away')));
      await bob.stop();
      await sleep(SILENCE);
      expect(component.text).toBe('');
    }
  });

  test('presence to a bare JID reaches each client with its full JID in the place of the bare one', async () => {
    const component = await connect();
    const grace = await subscribe(component, 'grace');
    await component.write(`<presence from='${contact()}/calendar' to='${grace.bareJid}'/>`);
    const arrived = await grace.next((stanza) => stanza.from === `${contact()}/calendar`);
    expect(arrived.element.attrs.to).toBe(grace.jid);
  });

  test('a subscribe of one who is subscribed reaches the component all the same; the answer stops at the server', async () => {
    const component = await connect();
    const heidi = await subscribe(component, 'heidi');
    component.forget();
    await heidi.subscribe(contact());
    await component.waitFor(presence('subscribe', heidi.bareJid));
    await component.write(
      `<presence from='${contact()}' to='${heidi.bareJid}' type='subscribed'/><presence from='${contact()}/calendar' to='${heidi.bareJid}'/>`,
    );
    await heidi.next((stanza) => stanza.from === `${contact()}/calendar`);
    expect(heidi.received.filter(({ type }) => type === 'subscribed')).toHaveLength(1);
  });

  test('a pending subscribe is not sent again: not at a log-in, and not when the component comes back', async () => {
    const component = await connect();
    const carol = await logIn('carol');
    await carol.subscribe(contact());
    await component.waitFor(presence('subscribe', userJid('carol')));
    await carol.stop();
    component.forget();
    await (await logIn('carol')).stop();
    await sleep(SILENCE);
    expect(component.text).toBe('');
    await component.close();
    const back = await connect();
    await logIn('carol');
    await sleep(SILENCE);
    expect(back.text).toBe('');
  });

  test('when the account is deleted the component gets unsubscribe, and unavailable only from clients', async () => {
    const component = await connect();
    await subscribe(component, 'dave');
    component.forget();
    await ejabberd.server.deleteUser('dave');
    await component.waitFor(presence('unsubscribe', userJid('dave')));
    await sleep(SILENCE);
    expect(component.text).not.toMatch(/type=['"]unavailable['"]/);
  });

  test('when the component goes and comes back nobody is probed, and watchers keep the old state', async () => {
    const component = await connect();
    const erin = await subscribe(component, 'erin');
    await component.write(`<presence from='${contact()}/calendar' to='${erin.bareJid}'><show>dnd</show></presence>`);
    await erin.next((stanza) => stanza.show === 'dnd');
    component.socket.destroy();
    await erin.expectSilence(SILENCE);
    const back = await connect();
    await erin.expectSilence(SILENCE);
    expect(back.text).toBe('');
  });

  test('a watcher who logs in while the component is away gets an error: ejabberd looks for another server of that name', async () => {
    const component = await connect();
    await (await subscribe(component, 'frank')).stop();
    await component.close();
    const frank = await logIn('frank');
    const error = await frank.next((stanza) => stanza.type === 'error', 20_000);
    expect(error.from).toBe(contact());
    expect(error.element.toString()).toMatch(/<remote-server-not-found/);
    await logged(/Failed to establish outbound s2s connection example\.test -> calendar\.example\.test/);
  });
});
