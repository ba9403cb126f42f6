import type { Mailbox } from '../../../component/directory/directory.ts';
import { MAX_SUBSCRIPTIONS } from './get-streaming-events.ts';

/** Some mailboxes to be put together: into a group that exists, or into a new one. */
export type Placement<Group> = {
  readonly group: Group | undefined;
  readonly key: string;
  readonly mailboxes: readonly Mailbox[];
};

/**
 * Puts mailboxes into groups of at most 200 with one key each: first where there is room, then into new groups. Of
 * both there may be so many; mailboxes for which there is no group are in no placement, and keep nobody else out.
 */
export function planGroups<Group extends { readonly key: string; readonly size: number }>(
  mailboxes: Iterable<Mailbox>,
  keyOf: (mailbox: Mailbox) => string,
  groups: Iterable<Group>,
  most: { readonly mailboxes: number; readonly groups: number },
): Placement<Group>[] {
  const room = new Map<string, number>();
  for (const { key, size } of groups) room.set(key, (room.get(key) ?? 0) + Math.max(0, MAX_SUBSCRIPTIONS - size));
  const byKey = new Map<string, Mailbox[]>();
  let left = most.mailboxes;
  let groupsLeft = Math.max(0, most.groups);
  let roomLeft = 0;
  for (const free of room.values()) roomLeft += free;
  for (const mailbox of mailboxes) {
    // Tens of thousands may wait.
    if (left === 0 || groupsLeft + roomLeft === 0) break;
    const key = keyOf(mailbox);
    let free = room.get(key) ?? 0;
    if (free === 0) {
      if (groupsLeft === 0) continue;
      groupsLeft--;
      free = MAX_SUBSCRIPTIONS;
      roomLeft += free;
    }
    room.set(key, free - 1);
    roomLeft--;
    left--;
    const same = byKey.get(key);
    if (same === undefined) byKey.set(key, [mailbox]);
    else same.push(mailbox);
  }
  const placements: Placement<Group>[] = [];
  for (const group of groups) {
    const some = byKey.get(group.key)?.splice(0, Math.max(0, MAX_SUBSCRIPTIONS - group.size)) ?? [];
    if (some.length > 0) placements.push({ group, key: group.key, mailboxes: some });
  }
  for (const [key, rest] of byKey) {
    // Neighbours in the alphabet together: so the anchors are the same after a restart.
    rest.sort();
    while (rest.length > 0) {
      placements.push({ group: undefined, key, mailboxes: rest.splice(0, MAX_SUBSCRIPTIONS) });
    }
  }
  return placements;
}
