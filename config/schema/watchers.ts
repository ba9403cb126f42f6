import { z } from 'zod';
import { isMapping, together } from './section.ts';
import { domain, fold, isDomain, isJidLocal, whole } from './values.ts';

const watcherExpected = 'a JID, a domain, or a pattern of one with *, as in *@example.net';
const watcherPattern = z
  .string({ error: watcherExpected })
  .refine(isWatcherPattern, { error: watcherExpected })
  .transform(fold);

const contactExpected = "contacts' names without their @ and domain, as in boardroom or room-*";

const ruleSchema = z
  .strictObject({
    allow: watcherPattern.optional().describe('Who may watch: a JID, a domain, or a pattern with *.'),
    deny: watcherPattern.optional().describe('Who may not watch: a JID, a domain, or a pattern with *.'),
    contacts: z
      .array(z.string({ error: contactExpected }).refine(isContactPattern, { error: contactExpected }).transform(fold))
      .min(1, { error: 'at least one contact, or no such key' })
      .optional()
      .describe('The contacts that the rule is about, as local parts, * allowed; default: all.'),
  })
  .check(
    together((rule, report) => {
      if (rule.allow !== undefined && rule.deny !== undefined) report(['deny'], 'allow or deny, not both');
      if (rule.allow === undefined && rule.deny === undefined) report([], 'a rule with allow or deny');
    }),
  )
  .transform(({ allow, deny, contacts }) => ({
    effect: deny === undefined ? ('allow' as const) : ('deny' as const),
    /** A bare JID, a domain (for all its users), or a pattern of one of them with `*`, in lower case. */
    watcher: deny ?? allow ?? '',
    /** Local parts in lower case, `*` allowed; undefined: all contacts. */
    contacts,
  }));

export const watchersSchema = z
  .strictObject({
    domains: z
      .array(domain())
      .describe('XMPP domains whose users may watch. May be empty ([]) when a rule allows somebody.'),
    rules: z.array(ruleSchema).default([]).describe('Exceptions: the first that matches decides, before domains.'),
    maxSubscriptions: whole(1, 1_000_000).default(500).describe('The most contacts that one watcher may have.'),
  })
  .check(
    together(({ domains, rules }, report) => {
      if (!Array.isArray(domains) || domains.length > 0) return;
      const someoneMayWatch =
        Array.isArray(rules) &&
        rules.some((rule: unknown) => isMapping(rule) && (rule.effect === 'allow' || 'allow' in rule));
      if (!someoneMayWatch) report(['domains'], 'at least one domain, or a rule that allows somebody');
    }),
  );

function isWatcherPattern(value: string): boolean {
  const [local, name, ...more] = value.replaceAll('*', 'x').split('@');
  if (local === undefined || more.length > 0) return false;
  return name === undefined ? isDomain(local) : isJidLocal(local) && isDomain(name);
}

function isContactPattern(value: string): boolean {
  return isJidLocal(value);
}
