// A client that shares no code with the gateway or with xmpp.js, on both servers.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Ejabberd, startEjabberd } from '../../support/ejabberd.ts';
import { type Prosody, startProsody } from '../../support/prosody.ts';
import { connectSlixmpp, type SlixmppClient } from './slixmpp-client.ts';
import { openStage, type Stage } from './stage.ts';

const HOUR = 3_600_000;
const servers: readonly [string, () => Promise<Prosody | Ejabberd>][] = [
  ['Prosody', () => startProsody()],
  ['ejabberd', () => startEjabberd()],
];

describe.each(servers)('slixmpp on %s', (_, start) => {
  let server: Prosody | Ejabberd;
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
    await last.next({ event: 'pong', jid: alice });
    expect(last.heard.filter(({ event }) => event === 'presence')).toEqual([]);
  });

  test('a contact answers what a client asks of whom it meets', async () => {
    const erin = stage.contact('erin');
    const carol = await logIn('carol');
    carol.order('ping', erin);
    await carol.next({ event: 'pong', jid: erin });
    carol.order('version', erin);
    expect(await carol.next({ event: 'version', jid: erin })).toMatchObject({ name: 'Presence Gateway' });
    carol.order('disco', erin);
    const { features } = await carol.next({ event: 'disco', jid: erin });
    expect(features).toContain('urn:xmpp:ping');
  });

  test('a clean stop of the gateway shows its contacts as unavailable, and its start shows them again', async () => {
    const erin = stage.contact('erin');
    const carol = await logIn('carol');
    carol.order('subscribe', erin);
    await carol.next(presence('erin', 'available', ''));
    expect(await stage.gateway.stop()).toBe(0);
    await carol.next({ event: 'presence', jid: `${erin}/calendar`, type: 'unavailable' });
    await stage.gateway.restart();
    await carol.next(presence('erin', 'available', ''));
  });
});
