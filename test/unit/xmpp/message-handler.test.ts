import xml, { type Element } from '@xmpp/xml';
import { describe, expect, test } from 'vitest';
import { type Look, type Presence, UNKNOWN, type WallTime } from '../../../component/presence/presence.ts';
import { parseAddress } from '../../../component/xmpp/address.ts';
import { messageHandler } from '../../../component/xmpp/message-handler.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const CONTACT = 'alice@calendar.example.net';
const BOB = 'bob@example.net/phone';
const BUSY: Look = { available: true, show: 'dnd', status: { en: 'In a meeting', de: 'In einer Besprechung' } };
const FREE: Look = { available: true, status: {} };

function setUp(look: Look = BUSY, untilText?: WallTime) {
  const clock = new FakeClock(0);
  const sent: Element[] = [];
  const onMessage = messageHandler({
    ...{ clock, language: 'en' },
    isWatching: (watcher, contact) => watcher === 'bob@example.net' && contact === 'alice',
    nameOf: () => 'Alice Smith',
    presenceOf: (): Presence => ({ ...UNKNOWN, look, untilText }),
    send: (stanza) => void sent.push(stanza),
  });
  const say = (attributes: Record<string, string> = {}, body: string | undefined = 'Are you there?') => {
    const { from = BOB, to = CONTACT, ...others } = attributes;
    const stanza = xml('message', { from, to, ...others }, body === '' ? undefined : xml('body', {}, body));
    const [sender, receiver] = [parseAddress(from), parseAddress(to)];
    if (sender === undefined || receiver === undefined) throw new Error('No addresses');
    onMessage({ stanza, from: sender, to: receiver });
    return sent.splice(0);
  };
  return { clock, say };
}

describe('a watcher who writes to a contact', () => {
  test('is told in words what its presence says', () => {
    const [answer] = setUp().say({ type: 'chat', id: 'm1' });
    expect(String(answer)).toBe(
      `<message type="chat" from="${CONTACT}/calendar" to="${BOB}" id="m1" xml:lang="en">` +
        '<body>Alice Smith: In a meeting</body><no-store xmlns="urn:xmpp:hints"/></message>',
    );
  });

  test('is answered in the language of the message, as far as there are texts in it', () => {
    expect(setUp().say({ 'xml:lang': 'de-AT' })[0]?.getChildText('body')).toBe('Alice Smith: In einer Besprechung');
    const [french] = setUp().say({ 'xml:lang': 'fr' });
    expect([french?.getChildText('body'), french?.attrs['xml:lang']]).toEqual(['Alice Smith: In a meeting', 'en']);
    expect(setUp(FREE).say({ 'xml:lang': 'de' })[0]?.getChildText('body')).toBe('Alice Smith: Verfügbar');
  });

  test('is told until when where its presence says so', () => {
    const untilText = { at: Date.UTC(2026, 0, 5, 10, 30), daysAhead: 0 };
    const inGerman = setUp(BUSY, untilText).say({ 'xml:lang': 'de' })[0];
    expect(inGerman?.getChildText('body')).toBe('Alice Smith: In einer Besprechung bis 10:30');
    // The words are those of the text’s language.
    expect(setUp(BUSY, untilText).say({ 'xml:lang': 'fr' })[0]?.getChildText('body')).toBe(
      'Alice Smith: In a meeting until 10:30',
    );
  });

  test('learns that nothing is known while nothing is', () => {
    expect(setUp({ available: false }).say()[0]?.getChildText('body')).toBe('Alice Smith: Not known at present');
  });

  test('is answered once in five seconds: two machines do not talk for ever', () => {
    const { clock, say } = setUp();
    expect([say().length, say().length]).toEqual([1, 0]);
    clock.advance(5_000);
    expect(say().length).toBe(1);
  });

  test('is not answered when nothing was said: chat states, receipts', () => {
    expect(setUp().say({ type: 'chat' }, '')).toEqual([]);
  });
});

test.each([
  ['a stranger', { from: 'eve@example.org/x' }],
  ['somebody who watches others', { to: 'carol@calendar.example.net' }],
  ['who writes to the domain', { to: 'calendar.example.net' }],
  ['a room', { type: 'groupchat' }],
])('%s learns that nobody takes messages here', (_who, attributes) => {
  expect(() => setUp().say(attributes)).toThrow('service-unavailable');
});

test('a headline is dropped', () => {
  expect(setUp().say({ type: 'headline', from: 'eve@example.org/x' })).toEqual([]);
});
