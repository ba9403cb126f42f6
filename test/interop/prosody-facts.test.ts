// What the gateway relies on in Prosody, seen on the wire with a bare component. A test that fails here after an
// upgrade of Prosody names an assumption of ours that is no longer true.

import { xml } from '@xmpp/client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connectRawComponent, type RawComponent, RawStreamError } from '../bench/support/raw-component.ts';
import { type Prosody, startProsody } from '../support/prosody.ts';
import type { Watcher } from '../support/xmpp-watcher.ts';

const SILENCE = 250;

let prosody: Prosody;
let closings: (() => Promise<void>)[] = [];

beforeAll(async () => {
  prosody = await startProsody({ users: ['alice', 'bob', 'carol', 'dave', 'erin', 'frank'] });
});

afterEach(async () => {
  for (const close of closings) await close();
  closings = [];
});

afterAll(() => prosody?.remove());

async function connect(secret = prosody.component.secret, domain = prosody.component.domain): Promise<RawComponent> {
  const component = await connectRawComponent({ port: prosody.componentPort, domain, secret });
  closings.push(component.close);
  return component;
}

async function logIn(user: string, resource?: string): Promise<Watcher> {
  const watcher = await prosody.watcher(user, resource);
  closings.push(watcher.stop);
  return watcher;
}

const contact = (name = 'alice') => `${name}@${prosody.component.domain}`;
const userJid = (name: string) => `${name}@${prosody.domain}`;

function presencePattern(type: string, from: string): RegExp {
  const parts = [`type=['"]${type}['"]`, `from=['"]${from}['"]`];
  return new RegExp(`<presence${parts.map((part) => `(?=[^>]* ${part})`).join('')}[^>]*>`);
}

/** Makes `name` a watcher of the contact, as the gateway would. */
async function subscribe(component: RawComponent, name: string): Promise<Watcher> {
  const watcher = await logIn(name);
  await watcher.subscribe(contact());
  await component.waitFor(presencePattern('subscribe', watcher.bareJid));
  await component.write(`<presence from='${contact()}' to='${watcher.bareJid}' type='subscribed'/>`);
  await watcher.next((stanza) => stanza.type === 'subscribed');
  return watcher;
}

describe('the component stream on Prosody', () => {
  test('a second connection for the same domain is refused with conflict, and the first stays', async () => {
    const first = await connect();
    const refusal = await connect().catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(RawStreamError);
    expect(refusal).toMatchObject({ condition: 'conflict' });
    const bob = await logIn('bob');
    await first.write(`<message from='${contact()}' to='${bob.jid}'><body>still here</body></message>`);
    expect((await bob.next((stanza) => stanza.name === 'message')).body).toBe('still here');
  });

  test('a wrong secret is refused with not-authorized', async () => {
    await expect(connect('wrong')).rejects.toMatchObject({ condition: 'not-authorized' });
  });

  test('a domain that Prosody does not know is refused with host-unknown', async () => {
    await expect(connect('secret', 'elsewhere.test')).rejects.toThrow(/host-unknown/);
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

  test('a character that XML forbids closes the whole stream', async () => {
    const component = await connect();
    await component.write(`<presence from='${contact()}' to='${userJid('bob')}'><status>\u0001</status></presence>`);
    await component.closed;
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

  test('the server answers a ping from the component domain, whatever the answer is', async () => {
    const component = await connect();
    await component.write(
      `<iq type='get' id='p1' from='${prosody.component.domain}' to='${prosody.domain}'><ping xmlns='urn:xmpp:ping'/></iq>`,
    );
    await component.waitFor(/<iq(?=[^>]* id=['"]p1['"])(?=[^>]* type=['"](result|error)['"])/);
  });

  test('presence to an unknown or offline user vanishes in silence', async () => {
    const component = await connect();
    await component.write(
      `<presence from='${contact()}' to='${userJid('nobody')}'/><presence from='${contact()}' to='${userJid('carol')}'/>`,
    );
    await component.write(
      `<iq type='get' id='p2' from='${prosody.component.domain}' to='${prosody.domain}'><ping xmlns='urn:xmpp:ping'/></iq>`,
    );
    await component.waitFor(/id=['"]p2['"]/);
    expect(component.text).not.toMatch(/<presence/);
  });
});

describe('subscriptions on Prosody', () => {
  test("at log-in the component is probed from the watcher's full JID; its later presence and log-out say nothing", async () => {
    const component = await connect();
    await (await subscribe(component, 'bob')).stop();
    component.forget();
    const bob = await logIn('bob', 'phone');
    await component.waitFor(presencePattern('probe', `${userJid('bob')}/phone`));
    expect(component.text.match(/<presence/g)).toHaveLength(1);
    component.forget();
    await bob.send(xml('presence', {}, xml('show', {}, 'away')));
    await bob.stop();
    await new Promise((resolve) => setTimeout(resolve, SILENCE));
    expect(component.text).toBe('');
  });

  test('a pending subscribe is sent again at each log-in, and not after it was answered', async () => {
    const component = await connect();
    const carol = await logIn('carol');
    await carol.subscribe(contact());
    await component.waitFor(presencePattern('subscribe', userJid('carol')));
    await carol.stop();
    for (let round = 0; round < 2; round++) {
      component.forget();
      const again = await logIn('carol');
      await component.waitFor(presencePattern('subscribe', userJid('carol')));
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
    await prosody.deleteUser('dave');
    await component.waitFor(presencePattern('unsubscribe', userJid('dave')));
    await component.waitFor(presencePattern('unavailable', `${userJid('dave')}[^'"]*`));
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
  });
});

/** Prosody notices a connection that was cut only when it reads: until then it answers `conflict`. */
async function reconnect(): Promise<RawComponent> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await connect();
    } catch (error) {
      if (attempt === 20 || !(error instanceof RawStreamError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
