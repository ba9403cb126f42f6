import type { Mailbox } from '../../../component/directory/directory.ts';
import { MAX_SUBSCRIPTIONS } from './get-streaming-events.ts';

/** Some mailboxes to be put together: into a group that exists, or into a new one. */
export type Placement<Group> = {
  readonly group: Group | undefined;
  readonly key: string;
  readonly mailboxes: readonly Mailbox[];
};

/**
 * Puts mailboxes into groups of at most 200 with one key each: first where there is room, then into new groups, of
 * which there may be `mostNew`. Mailboxes for which there is none are in no placement.
 */
export function planGroups<Group extends { readonly key: string; readonly size: number }>(
  mailboxes: Iterable<Mailbox>,
  keyOf: (mailbox: Mailbox) => string,
  groups: Iterable<Group>,
  mostNew: number,
): Placement<Group>[] {
  const byKey = new Map<string, Mailbox[]>();
  for (const mailbox of mailboxes) {
    const key = keyOf(mailbox);
    const same = byKey.get(key);
    if (same === undefined) byKey.set(key, [mailbox]);
    else same.push(mailbox);
  }
  const placements: Placement<Group>[] = [];
  for (const group of groups) {
    const some = byKey.get(group.key)?.splice(0, Math.max(0, MAX_SUBSCRIPTIONS - group.size)) ?? [];
    if (some.length > 0) placements.push({ group, key: group.key, mailboxes: some });
  }
  let made = 0;
  for (const [key, rest] of byKey) {
    // Neighbours in the alphabet together: so the anchors are the same after a restart.
    rest.sort();
    for (; rest.length > 0 && made < mostNew; made++) {
      placements.push({ group: undefined, key, mailboxes: rest.splice(0, MAX_SUBSCRIPTIONS) });
    }
  }
  return placements;
}
