import { z } from 'zod';
import { contactName, type directorySchema } from './directory.ts';
import { checkShortest, ruleKeys, writtenRules } from './presence-rules.ts';
import { isMapping, type Report, together } from './section.ts';
import { fold, isDomain, isJidLocal, isMailbox, isMailboxPattern } from './values.ts';

const contactExpected = "a contact's name, as in boardroom, or a mail address";
const memberExpected = "a contact's name, a mail address, or a pattern of one with *, as in room-*@example.com";
const groupExpected = 'a short name of a-z, 0-9 and -, that begins with a letter, as in rooms';
const domainExpected = 'a mail domain, as in example.com';

export const overridesSchema = z
  .strictObject({
    contacts: z
      .record(z.string().refine(isContact, { error: contactExpected }), writtenRules)
      .default({})
      .describe("Rules for single contacts, by name or by their mailbox's address."),
    groups: z
      .record(
        z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, { error: groupExpected }),
        z.strictObject({
          members: z
            .array(
              z
                .string({ error: memberExpected })
                .refine((value) => isContact(value) || isMailboxPattern(value), { error: memberExpected })
                .transform(contactName),
            )
            .min(1, { error: 'at least one member' })
            .describe('Who is in it: names of contacts, addresses of mailboxes, or patterns of these with *.'),
          ...ruleKeys,
        }),
      )
      .default({})
      .describe('Rules for groups: those that name a contact come before those with a pattern for it.'),
    domains: z
      .record(z.string().refine(isDomain, { error: domainExpected }), writtenRules)
      .default({})
      .describe('Rules for all mailboxes of a mail domain.'),
  })
  .check(
    together(({ contacts, domains }, report) => {
      for (const [kind, listed, same] of [
        ['contacts', contacts, contactName],
        ['domains', domains, fold],
      ] as const) {
        const names = isMapping(listed) ? Object.keys(listed) : [];
        const seen = new Set<string>();
        for (const name of names) {
          if (seen.has(same(name))) report([kind, name], 'each once, in whatever letter case');
          seen.add(same(name));
        }
      }
    }),
  );

/** Rules for some, as they are written. */
export type Overrides = z.output<typeof overridesSchema>;

type Known = { readonly directory: z.output<typeof directorySchema>; readonly past: number };

/** What some can't be without: a contact that there is, and knowledge of what was before. */
export function checkOverrides({ contacts, groups, domains }: Overrides, known: Known, report: Report): void {
  const checkName = (name: string, path: readonly PropertyKey[]) => {
    const { rule, contacts: listed } = known.directory;
    if (name.includes('@') || rule !== undefined || listed.has(contactName(name))) return;
    report(path, 'a contact of directory.contacts, or a mail address');
  };
  for (const name of Object.keys(contacts)) checkName(name, ['contacts', name]);
  for (const [group, { members }] of Object.entries(groups)) {
    for (const [index, name] of members.entries()) checkName(name, ['groups', group, 'members', index]);
  }
  for (const [kind, written] of Object.entries({ contacts, groups, domains })) {
    for (const [name, rules] of Object.entries(written)) {
      checkShortest(rules, known.past, (path, expected) => report([kind, name, ...path], expected));
    }
  }
}

/** A `*` is no part of a name here: it would be taken for a pattern. */
function isContact(value: string): boolean {
  return !value.includes('*') && (isJidLocal(value) || isMailbox(value));
}
