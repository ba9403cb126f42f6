import xml, { type Element } from '@xmpp/xml';
import { describe, expect, test } from 'vitest';
import { type Look, UNKNOWN } from '../../../component/presence/presence.ts';
import { discoInfoHandler, discoItemsHandler } from '../../../component/xmpp/disco.ts';
import { capsNode, capsOfResource, entityAt } from '../../../component/xmpp/entity.ts';
import { lastActivityHandler } from '../../../component/xmpp/last-activity.ts';
import { messageHandler } from '../../../component/xmpp/message-handler.ts';
import { pingHandler } from '../../../component/xmpp/ping.ts';
import { presenceHandler } from '../../../component/xmpp/presence-handler.ts';
import { StanzaRouter } from '../../../component/xmpp/stanza-router.ts';
import { vcardHandler } from '../../../component/xmpp/vcard.ts';
import { versionHandler } from '../../../component/xmpp/version.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const DOMAIN = 'calendar.example.net';
const BOB = 'bob@example.net/phone';
const BUSY: Look = { available: true, show: 'dnd', status: { en: 'In a meeting', de: 'In einer Besprechung' } };

function setUp() {
  const sent: Element[] = [];
  const asked: string[] = [];
  const clock = new FakeClock(0);
  const logger = new RecordingLogger();
  const send = (stanza: Element) => void sent.push(stanza);
  const router = new StanzaRouter({
    ...{ domain: DOMAIN, logger, send },
    iqHandlers: [
      pingHandler,
      versionHandler('1.2.3'),
      lastActivityHandler(clock),
      discoItemsHandler,
      discoInfoHandler(entityAt, capsNode),
      vcardHandler(
        (contact) => (contact === 'alice' ? 'Alice Smith' : undefined),
        (watcher) => watcher === 'bob@example.net',
      ),
      {
        namespace: 'urn:broken',
        element: 'query',
        contacts: true,
        get: () => {
          throw new TypeError('the database password is hunter2');
        },
      },
    ],
    onPresenceError: (from, condition) => void asked.push(`error ${from.bare} ${condition}`),
    onMessage: messageHandler({
      ...{ clock, send, language: 'en' },
      isWatching: (watcher, contact) => watcher === 'bob@example.net' && contact === 'alice',
      nameOf: () => 'Alice Smith',
      presenceOf: () => ({ ...UNKNOWN, look: BUSY }),
    }),
    onPresence: presenceHandler(
      {
        subscribe: async (...what) => void asked.push(`subscribe ${what.join(' ')}`),
        unsubscribe: async (...what) => void asked.push(`unsubscribe ${what.join(' ')}`),
        probe: async (...what) => void asked.push(`probe ${what.join(' ')}`),
      },
      { allows: (watcher) => watcher.endsWith('@example.net') },
      send,
    ),
  });
  const route = (stanza: Element): string[] => {
    void router.route(stanza);
    return sent.splice(0).map(String);
  };
  return { route, asked, clock, logger };
}

const iq = (to: string, type: string, ...children: Element[]) =>
  xml('iq', { type, id: 'x1', from: BOB, to }, ...children);
const error = (name: string, to: string, type: string, condition: string, id = ' id="x1"') =>
  `<${name} type="error" from="${to}" to="${BOB}"${id}><error type="${type}"><${condition} xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></${name}>`;

describe('iq', () => {
  test.each([DOMAIN, `alice@${DOMAIN}`, `alice@${DOMAIN}/calendar`])('%s answers a ping', (to) => {
    expect(setUp().route(iq(to, 'get', xml('ping', 'urn:xmpp:ping')))).toEqual([
      `<iq type="result" id="x1" from="${to}" to="${BOB}"/>`,
    ]);
  });

  test('the version is told, the operating system is not', () => {
    const [answer] = setUp().route(iq(`alice@${DOMAIN}`, 'get', xml('query', 'jabber:iq:version')));
    expect(answer).toContain('<name>Presence Gateway</name><version>1.2.3</version></query>');
  });

  test('the domain tells its uptime; a contact has none', () => {
    const { route, clock } = setUp();
    clock.advance(90_500);
    const query = () => xml('query', 'jabber:iq:last');
    expect(route(iq(DOMAIN, 'get', query()))[0]).toContain('seconds="90"');
    const contact = `alice@${DOMAIN}`;
    expect(route(iq(contact, 'get', query()))).toEqual([error('iq', contact, 'cancel', 'service-unavailable')]);
  });

  test('disco#info tells identity and features; an unknown node is not found; nothing is listed', () => {
    const { route } = setUp();
    const info = (node?: string) => xml('query', { xmlns: 'http://jabber.org/protocol/disco#info', node });
    expect(route(iq(DOMAIN, 'get', info()))[0]).toContain(
      '<identity category="component" type="presence" name="Calendar presence"/><feature var="http://jabber.org/protocol/disco#info"/>',
    );
    expect(route(iq(`alice@${DOMAIN}`, 'get', info()))[0]).toContain(
      '<identity category="account" type="registered"/>',
    );
    expect(route(iq(DOMAIN, 'get', info('x')))).toEqual([error('iq', DOMAIN, 'cancel', 'item-not-found')]);
    expect(route(iq(DOMAIN, 'get', xml('query', 'http://jabber.org/protocol/disco#items')))[0]).toContain(
      '<query xmlns="http://jabber.org/protocol/disco#items"/>',
    );
  });

  test('a full JID answers at the node that its presence names, and only at that', () => {
    const { route } = setUp();
    const to = `alice@${DOMAIN}/calendar`;
    const [, node = '', ver = ''] = /node="([^"]*)" ver="([^"]*)"/.exec(capsOfResource) ?? [];
    const info = (at: string) => xml('query', { xmlns: 'http://jabber.org/protocol/disco#info', node: at });
    const [answer = ''] = route(iq(to, 'get', info(`${node}#${ver}`)));
    expect(answer).toContain(`node="${node}#${ver}"`);
    expect(answer).toContain('<identity category="client" type="bot" name="Calendar"/>');
    expect(route(iq(to, 'get', info(`${node}#other`)))).toEqual([error('iq', to, 'cancel', 'item-not-found')]);
    expect(route(iq(DOMAIN, 'get', info(`${node}#${ver}`)))).toEqual([error('iq', DOMAIN, 'cancel', 'item-not-found')]);
  });

  test('a vCard has the name, for those who may watch; for others it is as if there were no contact', () => {
    const { route } = setUp();
    const ask = (contact: string, from = BOB) => {
      const request = iq(`${contact}@${DOMAIN}`, 'get', xml('vCard', 'vcard-temp'));
      request.attrs.from = from;
      return String(route(request)[0]).replaceAll(from, BOB);
    };
    expect(ask('alice')).toContain('<vCard xmlns="vcard-temp"><FN>Alice Smith</FN></vCard>');
    const refusal = error('iq', `nobody@${DOMAIN}`, 'cancel', 'item-not-found');
    expect(ask('nobody')).toBe(refusal);
    expect(ask('alice', 'eve@example.org/x')).toBe(refusal.replace('nobody', 'alice'));
  });

  test.each([
    ['an unknown payload', iq(DOMAIN, 'get', xml('query', 'urn:unknown')), 'cancel', 'service-unavailable'],
    ['a set', iq(DOMAIN, 'set', xml('ping', 'urn:xmpp:ping')), 'cancel', 'service-unavailable'],
    ['no payload', iq(DOMAIN, 'get'), 'modify', 'bad-request'],
    ['two payloads', iq(DOMAIN, 'get', xml('a'), xml('b')), 'modify', 'bad-request'],
    ['an unknown type', iq(DOMAIN, 'fetch', xml('ping', 'urn:xmpp:ping')), 'modify', 'bad-request'],
  ])('%s is answered with an error', (_, stanza, type, condition) => {
    expect(setUp().route(stanza)).toEqual([error('iq', DOMAIN, type, condition)]);
  });

  test('errors and stray results are met with silence', () => {
    const { route } = setUp();
    expect(route(iq(DOMAIN, 'result', xml('query', 'urn:unknown')))).toEqual([]);
    expect(route(iq(DOMAIN, 'error', xml('error')))).toEqual([]);
    expect(route(iq('elsewhere.example', 'result'))).toEqual([]);
  });

  test('an exception becomes an error without its text', () => {
    const { route, logger } = setUp();
    expect(route(iq(DOMAIN, 'get', xml('query', 'urn:broken')))).toEqual([
      error('iq', DOMAIN, 'cancel', 'internal-server-error'),
    ]);
    expect(logger.entries).toHaveLength(1);
  });
});

describe('messages', () => {
  test('a contact takes none of strangers, and says so', () => {
    const contact = `carol@${DOMAIN}`;
    const message = xml('message', { from: BOB, to: contact, type: 'chat' }, xml('body', {}, 'hi'));
    expect(setUp().route(message)).toEqual([error('message', contact, 'cancel', 'service-unavailable', '')]);
  });

  test.each(['error', 'headline'])('one of type %s is met with silence', (type) => {
    expect(setUp().route(xml('message', { from: BOB, to: `alice@${DOMAIN}`, type }))).toEqual([]);
  });
});

describe('presence', () => {
  const presence = (type: string | undefined, to = `Alice@${DOMAIN}`) => xml('presence', { from: BOB, to, type });

  test.each([
    ['subscribe', 'subscribe alice bob@example.net'],
    ['unsubscribe', 'unsubscribe alice bob@example.net'],
    ['probe', `probe alice bob@example.net ${BOB}`],
  ])('%s goes to the subscriptions, bare to bare', (type, expected) => {
    const { route, asked } = setUp();
    expect(route(presence(type))).toEqual([]);
    expect(asked).toEqual([expected]);
  });

  test.each([undefined, 'unavailable', 'subscribed', 'unsubscribed'])('%s is met with silence', (type) => {
    const { route, asked } = setUp();
    expect(route(presence(type))).toEqual([]);
    expect(asked).toEqual([]);
  });

  test('an error is met with silence, and its condition noted', () => {
    const { route, asked } = setUp();
    const gone = xml('gone', 'urn:ietf:params:xml:ns:xmpp-stanzas');
    const bounce = xml('presence', { type: 'error', from: BOB, to: `alice@${DOMAIN}` }, xml('error', {}, gone));
    expect(route(bounce)).toEqual([]);
    expect(asked).toEqual(['error bob@example.net gone']);
  });

  test('the component itself refuses whom the policy does not allow to watch', () => {
    const stanza = xml('presence', { type: 'subscribe', from: 'eve@evil.example', to: DOMAIN });
    expect(setUp().route(stanza)).toEqual([`<presence type="unsubscribed" from="${DOMAIN}" to="eve@evil.example"/>`]);
  });

  test('the component itself welcomes who may watch, and is available', () => {
    const { route, asked } = setUp();
    expect(route(presence('subscribe', DOMAIN))).toEqual([
      `<presence type="subscribed" from="${DOMAIN}" to="bob@example.net"/>`,
      `<presence from="${DOMAIN}" to="bob@example.net"/>`,
    ]);
    expect(route(presence('probe', DOMAIN))).toEqual([`<presence from="${DOMAIN}" to="${BOB}"/>`]);
    expect(route(presence('unsubscribe', DOMAIN))).toEqual([
      `<presence type="unavailable" from="${DOMAIN}" to="bob@example.net"/>`,
    ]);
    expect(asked).toEqual([]);
  });

  test('an unknown type is a bad request', () => {
    expect(setUp().route(presence('dance', `alice@${DOMAIN}`))).toEqual([
      error('presence', `alice@${DOMAIN}`, 'modify', 'bad-request', ''),
    ]);
  });
});

describe('addresses', () => {
  test('without a sender there is nobody to answer', () => {
    expect(setUp().route(xml('iq', { type: 'get', id: '1', to: DOMAIN }, xml('ping', 'urn:xmpp:ping')))).toEqual([]);
    expect(setUp().route(xml('iq', { type: 'get', id: '1', from: '@', to: DOMAIN }, xml('a')))).toEqual([]);
  });

  test.each(['@calendar.example.net', 'a@b@c', `${'x'.repeat(2000)}@${DOMAIN}`, `${DOMAIN}/`])(
    '%j is malformed',
    (to) => {
      expect(setUp().route(iq(to, 'get', xml('ping', 'urn:xmpp:ping')))[0]).toContain('jid-malformed');
    },
  );

  test('another domain is not ours', () => {
    expect(setUp().route(iq('other.example', 'get', xml('ping', 'urn:xmpp:ping')))[0]).toContain('item-not-found');
  });
});

test('a stranger who probes the domain, or leaves it, is told nothing', () => {
  const { route } = setUp();
  expect(route(xml('presence', { type: 'unsubscribe', from: 'eve@evil.example', to: DOMAIN }))).toEqual([]);
  expect(route(xml('presence', { type: 'probe', from: 'eve@evil.example/x', to: DOMAIN }))).toEqual([]);
  expect(route(xml('presence', { type: 'probe', from: BOB, to: DOMAIN }))).toHaveLength(1);
});
