import { z } from 'zod';
import { languageTag } from './presence-looks.ts';
import { overridesSchema } from './presence-overrides.ts';
import { checkRules, DEFAULT_RULES, ruleKeys, withRules } from './presence-rules.ts';
import { isMapping, together } from './section.ts';
import { whole } from './values.ts';

export const presenceSchema = z
  .strictObject({
    language: languageTag
      .default('en')
      .describe('The language of the text for clients that ask for none of the others.'),
    priority: whole(-128, 127)
      .default(0)
      .describe(
        'The priority of contacts among resources (RFC 6121): below 0, none is taken for a place for messages.',
      ),
    ...ruleKeys,
    overrides: overridesSchema.prefault({}).describe('Other rules for some contacts.'),
  })
  .check(
    together((presence, report) => {
      checkRules(presence, presence, report);
      for (const [kind, written] of entriesOf(presence.overrides)) {
        for (const [name, rules] of entriesOf(written)) {
          if (!isMapping(rules)) continue;
          checkRules(rules, presence, (path, expected) => report(['overrides', kind, name, ...path], expected));
        }
      }
    }),
  )
  .transform(({ language, priority, overrides, ...rules }) => ({
    ...{ language, priority, overrides },
    /** What holds where the overrides say nothing. */
    rules: withRules(DEFAULT_RULES, rules),
  }));

function entriesOf(value: unknown): [string, unknown][] {
  return isMapping(value) ? Object.entries(value) : [];
}
