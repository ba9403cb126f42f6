import { describe, expect, test } from 'vitest';
import { planGroups } from '../../../../adapters/ews/streaming/group-plan.ts';
import { groupPause } from '../../../../adapters/ews/streaming/subscription-group.ts';
import { addresses } from './followed-simulator.ts';

const one = () => 'a';

describe('mailboxes are put into groups', () => {
  test('first where there is room, then into new ones of at most 200, neighbours together', () => {
    const group = { key: 'a', size: 190 };
    const placements = planGroups(addresses(300).reverse(), one, [group], 10);
    expect(placements.map(({ group, mailboxes }) => [group?.key, mailboxes.length])).toEqual([
      ['a', 10],
      [undefined, 200],
      [undefined, 90],
    ]);
    expect(placements[1]?.mailboxes).toEqual(addresses(200));
  });

  test('with others of their key only', () => {
    const keyOf = (mailbox: string) => (mailbox < 'user0002' ? 'a' : 'b');
    const placements = planGroups(addresses(5), keyOf, [{ key: 'b', size: 0 }], 10);
    expect(placements.map(({ key, group, mailboxes }) => [key, group?.key, mailboxes.length])).toEqual([
      ['b', 'b', 3],
      ['a', undefined, 2],
    ]);
  });

  test('as far as groups may be made', () => {
    expect(planGroups(addresses(500), one, [], 1).map(({ mailboxes }) => mailboxes.length)).toEqual([200]);
    expect(planGroups(addresses(500), one, [], 0)).toEqual([]);
  });
});

test('the pause after failures grows from a second to five minutes', () => {
  expect([1, 2, 3, 20].map((failures) => groupPause(failures, 0.5))).toEqual([1000, 2000, 4000, 300_000]);
  expect(groupPause(1, 0)).toBe(750);
});
