import { describe, expect, test } from 'vitest';
import { planGroups } from '../../../../adapters/ews/streaming/group-plan.ts';
import { groupPause } from '../../../../adapters/ews/streaming/subscription-group.ts';
import { addresses } from './followed-simulator.ts';

const one = () => 'a';

describe('mailboxes are put into groups', () => {
  test('first where there is room, then into new ones of at most 200, neighbours together', () => {
    const group = { key: 'a', size: 190 };
    const placements = planGroups(addresses(300).reverse(), one, [group], { mailboxes: 300, groups: 10 });
    expect(placements.map(({ group, mailboxes }) => [group?.key, mailboxes.length])).toEqual([
      ['a', 10],
      [undefined, 200],
      [undefined, 90],
    ]);
    expect(placements[1]?.mailboxes).toEqual(addresses(200));
  });

  test('with others of their key only', () => {
    const keyOf = (mailbox: string) => (mailbox < 'user0002' ? 'a' : 'b');
    const placements = planGroups(addresses(5), keyOf, [{ key: 'b', size: 0 }], { mailboxes: 5, groups: 10 });
    expect(placements.map(({ key, group, mailboxes }) => [key, group?.key, mailboxes.length])).toEqual([
      ['b', 'b', 3],
      ['a', undefined, 2],
    ]);
  });

  test('as far as groups may be made', () => {
    const sizes = (groups: number) =>
      planGroups(addresses(500), one, [], { mailboxes: 500, groups }).map(({ mailboxes }) => mailboxes.length);
    expect([sizes(1), sizes(0)]).toEqual([[200], []]);
  });

  test('and of the tens of thousands that wait none is looked at when there is no place left', () => {
    let looked = 0;
    const waiting = function* () {
      for (const mailbox of addresses(1000)) {
        looked++;
        yield mailbox;
      }
    };
    const group = { key: 'a', size: 190 };
    const placements = planGroups(waiting(), one, [group], { mailboxes: 1000, groups: -1 });
    expect(placements.map(({ mailboxes }) => mailboxes.length)).toEqual([10]);
    expect(looked).toBe(11);
  });

  test('as many as may be, and those without a group keep nobody else out', () => {
    const keyOf = (mailbox: string) => mailbox.slice(0, 7);
    const [group, other] = [
      { key: 'user001', size: 0 },
      { key: 'user002', size: 195 },
    ];
    const placements = planGroups(addresses(40), keyOf, [group, other], { mailboxes: 14, groups: 0 });
    expect(placements.map(({ group, mailboxes }) => [group?.key, mailboxes.length])).toEqual([
      ['user001', 10],
      ['user002', 4],
    ]);
  });
});

test('the pause after failures grows from a second to five minutes', () => {
  expect([1, 2, 3, 20].map((failures) => groupPause(failures, 0.5))).toEqual([1000, 2000, 4000, 300_000]);
  expect(groupPause(1, 0)).toBe(750);
});
