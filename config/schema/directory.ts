import { z } from 'zod';
import { unescapeLocalPart } from '../../component/directory/jid-escaping.ts';
import { isMapping, together } from './section.ts';
import { domain, fold, isDomain, isJidLocal, isMailLocal, mailbox, text } from './values.ts';

const ruleExpected = "a mail address with {local} before its @, as in '{local}@example.com'";
const localExpected = "a contact's name as its JID has it before the @, as in boardroom or board\\20room";

export const directorySchema = z
  .strictObject({
    rule: z
      .string({ error: ruleExpected })
      .refine(isRule, { error: ruleExpected })
      .transform(fold)
      .optional()
      .describe("The mailbox of a contact, with {local} for the contact's name, as in '{local}@example.com'."),
    domains: z
      .array(domain())
      .optional()
      .describe(
        'Mail domains whose mailboxes a contact may name itself (XEP-0106: alice\\40example.com@…). Default: the domain of the rule.',
      ),
    contacts: z
      .record(z.string().refine(isJidLocal, { error: localExpected }), mailbox())
      .default({})
      .describe('Contacts that follow no rule: name and mailbox.'),
    names: z
      .record(z.string().refine(isJidLocal, { error: localExpected }), text('a name, as in Alice Smith').max(200))
      .default({})
      .describe('What people call contacts, for their vCard, as in alice: Alice Smith.'),
  })
  .check(
    together((directory, report) => {
      const { rule, domains, contacts, names } = directory;
      const hasContacts = !isMapping(contacts) || Object.keys(contacts).length > 0;
      if (rule === undefined && (domains === undefined || domains.length === 0) && !hasContacts) {
        report(['rule'], `${ruleExpected}; or domains, or contacts`);
      }
      for (const [key, listed] of Object.entries({ contacts, names })) {
        const written = isMapping(listed) ? Object.keys(listed) : [];
        const folded = written.map(contactName);
        written.forEach((name, index) => {
          if (folded.indexOf(contactName(name)) < index)
            report([key, name], 'each contact once, in whatever letter case');
        });
      }
    }),
  )
  .transform(({ rule, domains, contacts, names }) => ({
    /** Holds `{local}` once; undefined: only `domains` and `contacts` count. */
    rule,
    domains: domains ?? (rule === undefined ? [] : [rule.slice(rule.indexOf('@') + 1)]),
    /** Mailboxes by the unescaped local part of the contact (XEP-0106), in lower case. */
    contacts: new Map(Object.entries(contacts).map(([local, address]) => [contactName(local), address])) as ReadonlyMap<
      string,
      string
    >,
    /** What people call contacts, by the same. */
    names: new Map(Object.entries(names).map(([local, name]) => [contactName(local), name])) as ReadonlyMap<
      string,
      string
    >,
  }));

/** A contact's name as it is written and as its JID has it: escaped, or not where it need not be. */
export function contactName(local: string): string {
  return fold(unescapeLocalPart(local));
}

function isRule(value: string): boolean {
  const [local, name, ...more] = value.split('@');
  if (local === undefined || name === undefined || more.length > 0) return false;
  const [before, after, ...rest] = local.split('{local}');
  return after !== undefined && rest.length === 0 && isMailLocal(`${before}x${after}`) && isDomain(name);
}
