import { xml } from '@xmpp/client';
import { expect, test } from 'vitest';
import { hear } from '../../demo/heard.ts';
import type { Received } from '../../support/xmpp-watcher.ts';

const DOMAIN = 'calendar.example.test';

function presence(from: string, parts: { type?: string; show?: string; status?: string }): Received {
  const { type, show, status } = parts;
  return {
    ...{ name: 'presence', at: 1, from, type, show, status, body: undefined },
    element: xml('presence', { from, ...(type === undefined ? {} : { type }) }),
  };
}

function words(from: string, parts: Parameters<typeof presence>[1]): string {
  return hear(presence(from, parts), DOMAIN, 7).what;
}

test('presences are put into the words that a person would use', () => {
  const alice = `alice@${DOMAIN}/calendar`;
  expect(words(alice, {})).toBe('available');
  expect(words(alice, { show: 'dnd', status: 'In a meeting' })).toBe('do not disturb: In a meeting');
  expect(words(alice, { show: 'away', status: 'Away' })).toBe('away: Away');
  expect(words(alice, { status: 'Working elsewhere' })).toBe('available: Working elsewhere');
  expect(words(alice, { type: 'unavailable' })).toBe('unavailable');
  expect(words(`alice@${DOMAIN}`, { type: 'subscribed' })).toBe('accepts Bob');
});

test('what a contact should not say is shown as it came', () => {
  expect(words(`alice@${DOMAIN}/other`, { type: 'unavailable' })).toContain('<presence');
  expect(words(`alice@${DOMAIN}`, {})).toContain('<presence');
  expect(words(`alice@${DOMAIN}/calendar`, { type: 'subscribed' })).toContain('subscribed');
  expect(words(`alice@${DOMAIN}`, { type: 'unsubscribed' })).toContain('unsubscribed');
});

test('a contact is known by its whole address, and keeps the instant', () => {
  expect(hear(presence(`carol@${DOMAIN}/calendar`, {}), DOMAIN, 7)).toMatchObject({ person: 'Carol', at: 7 });
  expect(hear(presence('carol@example.test/calendar', {}), DOMAIN, 7).person).toBeUndefined();
  expect(hear(presence(`dave@${DOMAIN}/calendar`, {}), DOMAIN, 7).person).toBeUndefined();
});
