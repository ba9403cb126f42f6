// A client that shares no code with the gateway or with xmpp.js, on both servers.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startEjabberd } from '../../support/ejabberd.ts';
import { startProsody } from '../../support/prosody.ts';
import type { XmppServer } from '../../support/xmpp-server.ts';
import { type Command, connectSlixmpp, type SlixmppClient } from './slixmpp-client.ts';
import { openStage, type Stage } from './stage.ts';

const HOUR = 3_600_000;
const servers: readonly [string, () => Promise<XmppServer>][] = [
  ['Prosody', () => startProsody()],
  ['ejabberd', () => startEjabberd()],
];

describe.each(servers)('slixmpp on %s', (_, start) => {
  let server: XmppServer;
  let stage: Stage;
  const clients: SlixmppClient[] = [];

  beforeAll(async () => {
    server = await start();
    stage = await openStage(server, ['alice', 'erin']);
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) await client.logOut();
  });

  afterAll(async () => {
    await stage?.close();
    await server?.remove();
  });

  async function logIn(user: string): Promise<SlixmppClient> {
    const client = await connectSlixmpp(server, user);
    clients.push(client);
    return client;
  }

  const now = () => ({ start: Date.now() - HOUR, end: Date.now() + HOUR });
  const presence = (name: string, type: string, status: string) => ({
    ...{ event: 'presence', jid: `${stage.contact(name)}/calendar`, type, status },
  });

  test('a subscription outlives log-outs: each log-in shows the calendar as it is then', async () => {
    const alice = stage.contact('alice');
    const bob = await logIn('bob');
    bob.order('subscribe', alice);
    await bob.next({ event: 'presence', jid: alice, type: 'subscribed' });
    await bob.next(presence('alice', 'available', ''));
    bob.order('roster', alice);
    expect(await bob.next({ event: 'roster' })).toMatchObject({ subscription: 'to', resources: ['calendar'] });

    const meeting = stage.calendars.book(stage.mailbox('alice'), now());
    await bob.next(presence('alice', 'dnd', 'In a meeting'));
    await bob.logOut();
    stage.calendars.cancel(meeting);
    stage.calendars.outOfOffice(stage.mailbox('alice'), now());

    const again = await logIn('bob');
    await again.next(presence('alice', 'away', 'Away'));
    again.order('remove', alice);
    await again.next({ event: 'presence', jid: `${alice}/calendar`, type: 'unavailable' });
    await again.logOut();

    const last = await logIn('bob');
    last.order('ping', alice);
    await last.next({ event: 'ping', jid: alice });
    expect(last.heard.filter(({ event }) => event === 'presence')).toEqual([]);
  });

  test('a contact answers what a client asks of whom it meets', async () => {
    const erin = stage.contact('erin');
    const client = `${erin}/calendar`;
    const carol = await logIn('carol');
    const ask = async (command: Command, jid: string) => {
      carol.order(command, jid);
      return carol.next({ event: command, jid });
    };
    await ask('ping', erin);
    expect(await ask('version', erin)).toMatchObject({ name: 'Presence Gateway' });
    expect(await ask('vcard', erin)).toMatchObject({ name: 'erin' });
    expect(await ask('uptime', server.component.domain)).toMatchObject({ seconds: expect.any(Number) });
    carol.order('uptime', erin);
    await carol.next({ event: 'failed', command: 'uptime', jid: erin, condition: 'service-unavailable' });

    const identities = { [server.component.domain]: 'component/presence', [erin]: 'account/registered' };
    for (const [jid, identity] of Object.entries({ ...identities, [client]: 'client/bot' })) {
      expect(await ask('disco', jid)).toMatchObject({ identities: [identity] });
    }
    carol.order('subscribe', erin);
    await carol.next(presence('erin', 'available', ''));
    await ask('caps', client);
    carol.order('message', erin);
    await carol.next({ event: 'message', jid: client, body: 'erin: Available' });
  });

  test('a clean stop of the gateway shows its contacts as unavailable, and its start shows them again', async () => {
    const erin = stage.contact('erin');
    const alice = await logIn('alice');
    alice.order('subscribe', erin);
    await alice.next(presence('erin', 'available', ''));
    expect(await stage.gateway.stop()).toBe(0);
    await alice.next({ event: 'presence', jid: `${erin}/calendar`, type: 'unavailable' });
    await stage.gateway.restart();
    await alice.next(presence('erin', 'available', ''));
  });
});
