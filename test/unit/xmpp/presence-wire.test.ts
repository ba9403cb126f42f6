import { expect, test } from 'vitest';
import { UNKNOWN } from '../../../component/presence/presence.ts';
import { ComponentPresenceWire } from '../../../component/xmpp/presence-wire.ts';
import { setUpOnline } from './component-connection-setup.ts';

const manner = { domain: 'calendar.example.test', language: 'en', priority: 0 };
const busy = { ...UNKNOWN, look: { available: true, show: 'dnd', status: { en: 'Bei Müller & Söhne' } } } as const;

test('each watcher of each contact gets a stanza of its own, in order', async () => {
  const { connection, stream } = await setUpOnline();
  const wire = new ComponentPresenceWire(connection, manner);
  const watchers = ['bob@example.test', 'zoë@example.test', 'carol@例え.jp'];
  const announcements = [
    { contact: 'alice', presence: busy, to: watchers },
    { contact: 'o\\27neil&co', presence: UNKNOWN, to: ['bob@example.test'] },
  ];
  expect(wire.announce(announcements)).toBe(true);
  await stream.stanza(({ attrs }) => attrs.type === 'unavailable');
  expect(stream.stanzas.map(({ attrs }) => [attrs.from, attrs.to])).toEqual([
    ...watchers.map((watcher) => ['alice@calendar.example.test/calendar', watcher]),
    ['o\\27neil&co@calendar.example.test/calendar', 'bob@example.test'],
  ]);
  expect(stream.stanzas[0]?.getChildText('status')).toBe('Bei Müller & Söhne');
});

test('a client may have any resource', async () => {
  const { connection, stream } = await setUpOnline();
  const wire = new ComponentPresenceWire(connection, manner);
  const client = `bob@example.test/"<Bob's & Carol's>" 😀`;
  wire.say('alice', busy, client);
  const stanza = await stream.stanza(({ name }) => name === 'presence');
  expect(stanza.attrs.to).toBe(client);
});

test('offline nothing is said', async () => {
  const { connection } = await setUpOnline();
  await connection.stop(1_000);
  const wire = new ComponentPresenceWire(connection, manner);
  expect(wire.announce([{ contact: 'alice', presence: busy, to: ['bob@example.test'] }])).toBe(false);
  expect(wire.say('alice', busy, 'bob@example.test')).toBe(false);
});
