import { LRUCache } from 'lru-cache';
import type { Directory, Mailbox } from '../../component/directory/directory.ts';
import { escapeLocalPart } from '../../component/directory/jid-escaping.ts';
import type { Look } from '../../component/presence/presence.ts';
import type { PresencePolicy, PresenceRules } from '../../component/presence/presence-policy.ts';
import { matchesPattern } from '../../config/pattern.ts';
import { contactName } from '../../config/schema/directory.ts';
import { type WholeRules, type WrittenRules, withRules } from '../../config/schema/presence-rules.ts';
import { fold } from '../../config/schema/values.ts';
import type { Configuration } from '../../config/schema.ts';

/** So many mailboxes are remembered with their rules: patterns take their time, and each look at a calendar asks. */
const MOST_REMEMBERED = 200_000;

/**
 * The rules by which each mailbox is shown. Each key is from the contact's own, where these have it; or else from the first
 * group that has it, those that name the mailbox before those with a pattern for it; or else from its mail domain's; or
 * else from everybody's.
 */
export function presenceRules(
  { language, rules: everybody, overrides }: Configuration['presence'],
  directory: Directory,
): PresencePolicy['rulesOf'] {
  const mailboxOf = (contact: string) => directory.mailboxOf(escapeLocalPart(contact)) ?? contact;
  const layers: WrittenRules[] = [];
  const layer = (rules: WrittenRules) => layers.push(rules) - 1;
  const own = new Map(
    Object.entries(overrides.contacts).map(([name, rules]) => [mailboxOf(contactName(name)), layer(rules)]),
  );
  const domains = new Map(Object.entries(overrides.domains).map(([name, rules]) => [fold(name), layer(rules)]));
  const groups = Object.values(overrides.groups).map(({ members, ...rules }) => ({
    layer: layer(rules),
    mailboxes: new Set(members.filter((member) => !member.includes('*')).map(mailboxOf)),
    patterns: members.filter((member) => member.includes('*')),
  }));
  const make = rulesMaker(everybody, layers, language);
  const usual = make([]);
  if (layers.length === 0) return () => usual;

  const find = (mailbox: Mailbox): PresenceRules => {
    const naming = groups.filter(({ mailboxes }) => mailboxes.has(mailbox));
    const fitting = groups.filter(({ patterns }) => patterns.some((pattern) => matchesPattern(mailbox, pattern)));
    const fromOwn = [
      own.get(mailbox),
      ...[...naming, ...fitting].map(({ layer }) => layer),
      domains.get(mailbox.slice(mailbox.lastIndexOf('@') + 1)),
    ];
    return make(fromOwn.filter((layer) => layer !== undefined));
  };
  const remembered = new LRUCache<Mailbox, PresenceRules>({ max: MOST_REMEMBERED });
  return (mailbox) => {
    let rules = remembered.get(mailbox);
    if (rules === undefined) {
      rules = find(mailbox);
      remembered.set(mailbox, rules);
    }
    return rules;
  };
}

/** Makes the rules of layers, the most special first: once for each combination, and equal ones are one object. */
function rulesMaker(everybody: WholeRules, layers: readonly WrittenRules[], language: string) {
  const byLayers = new Map<string, PresenceRules>();
  const byContent = new Map<string, PresenceRules>();
  return (indices: readonly number[]): PresenceRules => {
    const key = indices.join();
    const made = byLayers.get(key);
    if (made !== undefined) return made;
    const whole = indices.reduceRight((below, index) => withRules(below, layers[index] ?? {}), everybody);
    const content = JSON.stringify(whole);
    const rules = byContent.get(content) ?? toPresenceRules(whole, language);
    byLayers.set(key, rules);
    byContent.set(content, rules);
    return rules;
  };
}

function toPresenceRules(whole: WholeRules, language: string): PresenceRules {
  const { statuses, workingHours, times, timeZone } = whole;
  const free = toLook(statuses.Free, language);
  return {
    looks: {
      Free: free,
      Tentative: statuses.Tentative === 'Free' ? free : toLook(statuses.Tentative, language),
      WorkingElsewhere: toLook(statuses.WorkingElsewhere, language),
      Busy: toLook(statuses.Busy, language),
      OOF: toLook(statuses.OOF, language),
      OffHours: toLook(statuses.OffHours, language),
    },
    tentativeIsFree: statuses.Tentative === 'Free',
    allDay: whole.allDay,
    shortest: whole.shortest,
    hours: hoursOf(workingHours, timeZone),
    times: times !== 'none',
    textZone: times === 'text' ? timeZone : undefined,
  };
}

/** A list has a zone: the configuration was checked. */
function hoursOf(workingHours: WholeRules['workingHours'], zone = 'UTC'): PresenceRules['hours'] {
  if (workingHours === 'off') return undefined;
  return workingHours === 'mailbox' ? 'mailbox' : { zone, periods: workingHours };
}

/** The text of the preferred language comes first: it is the one for clients that ask for none of them. */
function toLook({ show, status }: WholeRules['statuses']['Free'], language: string): Look {
  const preferred = language.toLowerCase();
  const rank = (tag: string) => (tag.toLowerCase() === preferred ? 0 : 1);
  const texts = Object.entries(status).sort(([a], [b]) => rank(a) - rank(b));
  return { available: true, show: show === 'available' ? undefined : show, status: Object.fromEntries(texts) };
}
