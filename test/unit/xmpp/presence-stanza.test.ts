import xml from '@xmpp/xml';
import { expect, test } from 'vitest';
import type { Presence } from '../../../component/presence/presence.ts';
import { capsOfResource } from '../../../component/xmpp/entity.ts';
import { type PresenceManner, presenceStanza } from '../../../component/xmpp/presence-stanza.ts';
import { legalXmlText } from '../../../component/xmpp/stanza-text.ts';

const MANNER = { domain: 'calendar.example.net', language: 'en', priority: 0 };

function written(presence: Presence, contact = 'alice', manner: Partial<PresenceManner> = {}): string {
  const { head, tail } = presenceStanza(contact, presence, { ...MANNER, ...manner });
  return `${head}bob@example.net${tail}`;
}
const nothing = { since: undefined, until: undefined, asOf: undefined };
const FROM_TO = 'from="alice@calendar.example.net/calendar" to="bob@example.net"';

test('available without more says only what it is (XEP-0115)', () => {
  expect(written({ look: { available: true, status: {} }, ...nothing })).toBe(
    `<presence ${FROM_TO}>${capsOfResource}</presence>`,
  );
});

test('unavailable says nothing else', () => {
  expect(written({ look: { available: false }, ...nothing })).toBe(`<presence ${FROM_TO} type="unavailable"/>`);
});

// Prosody gives presence without a language its own, en: a German text would be two English ones with the other.
test('a meeting has a show and a text for each language; the main one has that of the stanza', () => {
  const look = { available: true, show: 'dnd', status: { en: 'In a meeting', de: 'In einer Besprechung' } } as const;
  expect(written({ look, ...nothing }, 'alice', { language: 'de' })).toBe(
    `<presence ${FROM_TO} xml:lang="de"><show>dnd</show><status xml:lang="en">In a meeting</status><status>In einer Besprechung</status>${capsOfResource}</presence>`,
  );
  expect(written({ look, ...nothing }, 'alice', { language: 'fr' })).toMatch(
    /to="bob@example\.net"><show>dnd<\/show><status xml:lang="en">/,
  );
});

test('old knowledge says how old it is', () => {
  const stanza = written({ look: { available: true, status: {} }, ...nothing, asOf: Date.UTC(2026, 0, 5, 9) });
  expect(stanza).toContain('<delay xmlns="urn:xmpp:delay" from="calendar.example.net" stamp="2026-01-05T09:00:00Z"/>');
});

test('whatever a text or a name holds, the stanza stays one element', () => {
  const look = { available: true, status: { en: '<b>&"\']]></status></presence><message/>' } } as const;
  const parser = new xml.Parser();
  const seen: string[] = [];
  parser.on('element', (element: { getChildText(name: string): string; attrs: { from: string } }) =>
    seen.push(element.getChildText('status'), element.attrs.from),
  );
  parser.write('<stream>');
  parser.write(written({ look, ...nothing }, '"<&\'x'));
  expect(seen).toEqual([look.status.en, '"<&\'x@calendar.example.net/calendar']);
});

test('times are told to programs in whole seconds, as far as they may be known', () => {
  const look = { available: true, show: 'dnd', status: {} } as const;
  const [since, until] = [Date.UTC(2026, 0, 5, 9), Date.UTC(2026, 0, 5, 10, 30)];
  expect(written({ ...nothing, look, since, until })).toContain(
    '<calendar xmlns="urn:presence-gateway:calendar:1" since="2026-01-05T09:00:00Z" until="2026-01-05T10:30:00Z"/>',
  );
  expect(written({ ...nothing, look, until })).toContain(' until="2026-01-05T10:30:00Z"/>');
  expect(written({ ...nothing, look })).not.toContain('<calendar');
});

test('times are told to people after each text, in its language', () => {
  const look = { available: true, show: 'dnd', status: { en: 'In a meeting', de: 'In einer Besprechung' } } as const;
  const until = Date.UTC(2026, 0, 5, 9, 30);
  const untilText = { at: Date.UTC(2026, 0, 5, 10, 30), daysAhead: 0 };
  expect(written({ ...nothing, look, until, untilText })).toContain(
    '<status>In a meeting until 10:30</status><status xml:lang="de">In einer Besprechung bis 10:30</status>',
  );
  expect(written({ ...nothing, look: { ...look, status: {} }, until, untilText })).not.toContain('10:30');
});

test('a priority stands there when it is not 0', () => {
  const presence = { ...nothing, look: { available: true, status: {} } } as const;
  expect(written(presence, 'alice', { priority: -5 })).toContain('<priority>-5</priority>');
  expect(written(presence)).not.toContain('priority');
});

test('a text of a megabyte is cut, and not in the midst of a character', () => {
  const look = { available: true, status: { en: `x${'😀'.repeat(500_000)}` } } as const;
  const [, text = ''] = /<status>(.*)<\/status>/.exec(written({ ...nothing, look })) ?? [];
  expect(text.length).toBe(1999);
  expect(legalXmlText(text)).toBe(text);
});

test('a contact whose row in the database was spoilt does not spoil the stream', () => {
  const look = { available: false } as const;
  expect(written({ look, ...nothing }, 'al\u0000i\ud800ce')).toBe(`<presence ${FROM_TO} type="unavailable"/>`);
});
