import xml from '@xmpp/xml';
import { expect, test } from 'vitest';
import type { Presence } from '../../../component/presence/presence.ts';
import { presenceStanza } from '../../../component/xmpp/presence-stanza.ts';

function written(presence: Presence, contact = 'alice'): string {
  const { head, tail } = presenceStanza(contact, 'calendar.example.net', presence, 'en');
  return `${head}bob@example.net${tail}`;
}
const nothing = { since: undefined, until: undefined, asOf: undefined };
const FROM_TO = 'from="alice@calendar.example.net/calendar" to="bob@example.net"';

test('available without more is an empty stanza', () => {
  expect(written({ look: { available: true, status: {} }, ...nothing })).toBe(`<presence ${FROM_TO}/>`);
});

test('unavailable says nothing else', () => {
  expect(written({ look: { available: false }, ...nothing })).toBe(`<presence ${FROM_TO} type="unavailable"/>`);
});

test('a meeting has a show and a text for each language, the main one without xml:lang', () => {
  const look = { available: true, show: 'dnd', status: { en: 'In a meeting', de: 'In einer Besprechung' } } as const;
  expect(written({ look, ...nothing })).toBe(
    `<presence ${FROM_TO}><show>dnd</show><status>In a meeting</status><status xml:lang="de">In einer Besprechung</status></presence>`,
  );
});

test('old knowledge says how old it is', () => {
  const stanza = written({ look: { available: true, status: {} }, ...nothing, asOf: Date.UTC(2026, 0, 5, 9) });
  expect(stanza).toContain(
    '<delay xmlns="urn:xmpp:delay" from="calendar.example.net" stamp="2026-01-05T09:00:00.000Z"/>',
  );
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
