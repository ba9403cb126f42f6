// What the gateway relies on in Prosody, seen on the wire with a bare component: Debian's 0.12.3. A test that fails here
// after an upgrade of Prosody names an assumption of ours that is no longer true. The lines of its log are those that
// docs/servers.md explains. The same for ejabberd: test/ejabberd/ejabberd-facts.test.ts.

import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { xml } from '@xmpp/client';
import { describe, expect, test } from 'vitest';
import { type RawComponent, RawStreamError } from '../bench/support/raw-component.ts';
import { observe, ping, presence } from '../support/observed-server.ts';
import { startProsody } from '../support/prosody.ts';

const SILENCE = 250;

const prosody = observe(() => startProsody({ users: ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace'] }));
const { connect, contact, logged, logIn, subscribe, userJid } = prosody;

describe('the component stream on Prosody', () => {
  test('a second connection for the same domain is refused with conflict, and the first stays', async () => {
    const first = await connect();
    const refusal = await connect().catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(RawStreamError);
    expect(refusal).toMatchObject({ condition: 'conflict' });
    await logged(/Second component attempted to connect, denying connection/);
    const bob = await logIn('bob');
    await first.write(`<message from='${contact()}' to='${bob.jid}'><body>still here</body></message>`);
    expect((await bob.next((stanza) => stanza.name === 'message')).body).toBe('still here');
  });

  test('a wrong secret is refused with not-authorized', async () => {
    await expect(connect('wrong')).rejects.toMatchObject({ condition: 'not-authorized' });
    await logged(/Component authentication failed for calendar\.example\.test/);
  });

  test('a domain that Prosody does not know is refused with host-unknown', async () => {
    await expect(connect('secret', 'elsewhere.test')).rejects.toThrow(/host-unknown/);
    await logged(/elsewhere\.test does not match any configured external components/);
  });

  test('the port speaks no TLS', async () => {
    const socket = connectTls({ port: prosody.server.componentPort, host: '127.0.0.1', rejectUnauthorized: false });
    const outcome = await new Promise((resolve) => {
      socket.once('secureConnect', () => resolve('encrypted')).once('error', () => resolve('refused'));
    });
    socket.destroy();
    expect(outcome).toBe('refused');
  });

  test('a stanza from a foreign domain closes the stream with invalid-from', async () => {
    const component = await connect();
    await component.write(`<presence from='alice@elsewhere.test' to='${userJid('bob')}'/>`);
    await component.waitFor(/<invalid-from/);
    await component.closed;
  });

  test('a stanza without `to` is answered with bad-request, and the stream stays', async () => {
    const component = await connect();
    await component.write(`<message from='${contact()}' id='nowhere'><body>?</body></message>`);
    await component.waitFor(/type=['"]error['"][\s\S]*<bad-request/);
    expect(component.isOpen).toBe(true);
  });

  test('a stanza from an impossible address of our domain is answered with jid-malformed, and the stream stays', async () => {
    const component = await connect();
    await component.write(`<presence from='a"b@${prosody.domain}' to='${userJid('bob')}'/>`);
    await component.waitFor(/type=['"]error['"][\s\S]*<jid-malformed/);
    expect(component.isOpen).toBe(true);
  });

  test('a character that XML forbids closes the whole stream, written plainly or as a reference', async () => {
    for (const character of ['\u0001', '&#1;']) {
      const component = await reconnect();
      await component.write(
        `<presence from='${contact()}' to='${userJid('bob')}'><status>${character}</status></presence>`,
      );
      await component.waitFor(/<not-well-formed/);
      await component.closed;
    }
  });

  test('a stanza of well over 512 KiB closes the stream', async () => {
    const component = await connect();
    const text = 'x'.repeat(600 * 1024);
    // The server closes while the text is still being written.
    await component
      .write(`<message from='${contact()}' to='${userJid('bob')}'><body>${text}</body></message>`)
      .catch(() => {});
    await component.closed;
  });

  test('a ping from the component’s domain to the server is answered, and one to its own domain comes back', async () => {
    const component = await connect();
    await component.write(ping('p1', prosody.domain, prosody.users));
    await component.waitFor(/<iq(?=[^>]* id=['"]p1['"])(?=[^>]* type=['"](result|error)['"])/);
    await component.write(ping('p2', prosody.domain, prosody.domain));
    await component.waitFor(/<iq(?=[^>]* id=['"]p2['"])(?=[^>]* type=['"]get['"])/);
  });

  test('presence to an unknown or offline user vanishes in silence', async () => {
    const component = await connect();
    await component.write(
      `<presence from='${contact()}' to='${userJid('nobody')}'/><presence from='${contact()}' to='${userJid('carol')}'/>`,
    );
    await component.write(ping('p3', prosody.domain, prosody.users));
    await component.waitFor(/id=['"]p3['"]/);
    expect(component.text).not.toMatch(/<presence/);
  });
});

describe('subscriptions on Prosody', () => {
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

  test('a subscribe of one who is subscribed reaches the component all the same; the answer stops at the server', async () => {
    const component = await connect();
    const grace = await subscribe(component, 'grace');
    component.forget();
    await grace.subscribe(contact());
    await component.waitFor(presence('subscribe', grace.bareJid));
    await component.write(
      `<presence from='${contact()}' to='${grace.bareJid}' type='subscribed'/><presence from='${contact()}/calendar' to='${grace.bareJid}'/>`,
    );
    await grace.next((stanza) => stanza.from === `${contact()}/calendar`);
    expect(grace.received.filter(({ type }) => type === 'subscribed')).toHaveLength(1);
  });

  test('a pending subscribe is sent again at each log-in, and not after it was answered', async () => {
    const component = await connect();
    const carol = await logIn('carol');
    await carol.subscribe(contact());
    await component.waitFor(presence('subscribe', userJid('carol')));
    await carol.stop();
    for (let round = 0; round < 2; round++) {
      component.forget();
      const again = await logIn('carol');
      await component.waitFor(presence('subscribe', userJid('carol')));
      await again.stop();
    }
    await component.write(`<presence from='${contact()}' to='${userJid('carol')}' type='subscribed'/>`);
    component.forget();
    await logIn('carol');
    await component.waitFor(/type=['"]probe['"]/);
    expect(component.text).not.toMatch(/type=['"]subscribe['"]/);
  });

  test('when the account is deleted the component gets unavailable and unsubscribe', async () => {
    const component = await connect();
    await subscribe(component, 'dave');
    component.forget();
    await prosody.server.deleteUser('dave');
    await component.waitFor(presence('unsubscribe', userJid('dave')));
    await component.waitFor(presence('unavailable', `${userJid('dave')}[^'"]*`));
  });

  test('when the component goes and comes back nobody is probed, and watchers keep the old state', async () => {
    const component = await connect();
    const erin = await subscribe(component, 'erin');
    await component.write(`<presence from='${contact()}/calendar' to='${erin.bareJid}'><show>dnd</show></presence>`);
    await erin.next((stanza) => stanza.show === 'dnd');
    component.socket.destroy();
    await erin.expectSilence(SILENCE);
    const back = await reconnect();
    await erin.expectSilence(SILENCE);
    expect(back.text).toBe('');
  });

  test('a watcher who logs in while the component is away gets remote-server-timeout from the contact', async () => {
    const component = await connect();
    await (await subscribe(component, 'frank')).stop();
    await component.close();
    const frank = await logIn('frank');
    const error = await frank.next((stanza) => stanza.type === 'error');
    expect(error.from).toBe(contact());
    expect(error.element.toString()).toMatch(/<error [^>]*type="wait"[^>]*><remote-server-timeout/);
    await logged(/Component not connected, bouncing error for/);
  });
});

/** Prosody notices a connection that was cut only when it reads: until then it answers `conflict`. */
async function reconnect(): Promise<RawComponent> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await connect();
    } catch (error) {
      if (attempt === 20 || !(error instanceof RawStreamError)) throw error;
      await sleep(20);
    }
  }
}
