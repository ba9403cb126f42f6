import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  type MailboxVerdict,
  react,
  type Standing,
  type SubscriptionEvent,
} from '../../../component/subscription/subscription.ts';

const readme = readFileSync(new URL('../../../component/subscription/README.md', import.meta.url), 'utf8');
const standings: readonly Standing[] = ['none', 'pending', 'subscribed'];
const verdicts: readonly MailboxVerdict[] = ['known', 'unanswered', 'not-found'];

type Request = Extract<SubscriptionEvent, { readonly permission: unknown }>;
const requests = (type: Request['type'], permission: Request['permission']): Request[] =>
  verdicts.map((mailbox) => ({ type, permission, mailbox }));
const asked = (type: Request['type']): readonly SubscriptionEvent[][] => [
  ...requests(type, 'yes').map((event) => [event]),
  requests(type, 'full'),
  requests(type, 'no'),
];

/** What the rows of the table are about, in their order. */
const events: readonly SubscriptionEvent[][] = [
  ...asked('subscribe'),
  ...asked('probe'),
  [{ type: 'unsubscribe' }],
  [{ type: 'answer', mailbox: 'known' }],
  [{ type: 'answer', mailbox: 'not-found' }],
  [{ type: 'gone' }],
];

test('the table of states is what the state machine does', () => {
  const [, table = ''] = /\n(\| event [\s\S]*?)\n\n/.exec(readme) ?? [];
  const rows = table.split('\n').slice(2);
  expect(rows).toHaveLength(events.length);
  rows.forEach((row, index) => {
    const cells = row.split('|').slice(2, 5);
    for (const event of events[index] ?? []) {
      expect(
        standings.map((standing, column) => reactionIn(cells[column] ?? '', standing, event)),
        row,
      ).toEqual(standings.map((standing) => react(standing, event)));
    }
  });
});

function reactionIn(cell: string, before: Standing, event: SubscriptionEvent): unknown {
  if (cell.includes('as permitted')) return react(before, { ...event, permission: 'yes' } as SubscriptionEvent);
  const [standing = '', said = ''] = cell.replace(/\(.*?\)/g, '').split(':');
  const say = [...said.matchAll(/\w+/g)].map(([word]) => word);
  return { standing: standing.trim() === 'stays' ? before : standing.trim(), say };
}
