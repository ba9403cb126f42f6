import type { ContactLocal } from '../directory/directory.ts';
import type { BareJid } from './bare-jid.ts';

export type WatcherRule = {
  readonly effect: 'allow' | 'deny';
  /** A bare JID, a domain, or either with `*` for any characters; lower case. */
  readonly watcher: string;
  /** Local parts of contacts, `*` allowed; undefined: every contact. */
  readonly contacts?: readonly string[] | undefined;
};

export type SubscriptionPolicyOptions = {
  /** The domains whose users may watch when no rule says otherwise. */
  readonly domains: readonly string[];
  /** The first rule that fits decides. */
  readonly rules: readonly WatcherRule[];
  readonly maxSubscriptions: number;
};

type CompiledRule = { effect: 'allow' | 'deny'; watcher: RegExp; wholeJid: boolean; contacts: readonly RegExp[] };

/** Who may watch whom. Closed by default: who is named nowhere may watch nobody. */
export class SubscriptionPolicy {
  /** The most subscriptions that one watcher may have. */
  readonly maxSubscriptions: number;
  readonly #domains: ReadonlySet<string>;
  readonly #rules: readonly CompiledRule[];

  constructor({ domains, rules, maxSubscriptions }: SubscriptionPolicyOptions) {
    this.maxSubscriptions = maxSubscriptions;
    this.#domains = new Set(domains);
    this.#rules = rules.map(({ effect, watcher, contacts }) => ({
      effect,
      watcher: pattern(watcher),
      wholeJid: watcher.includes('@'),
      contacts: contacts?.map(pattern) ?? [],
    }));
  }

  allows(watcher: BareJid, contact: ContactLocal): boolean {
    const domain = watcher.slice(watcher.indexOf('@') + 1);
    for (const rule of this.#rules) {
      if (!rule.watcher.test(rule.wholeJid ? watcher : domain)) continue;
      if (rule.contacts.length > 0 && !rule.contacts.some((candidate) => candidate.test(contact))) continue;
      return rule.effect === 'allow';
    }
    return this.#domains.has(domain);
  }
}

function pattern(text: string): RegExp {
  const source = text
    .split(/\*+/)
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${source}$`, 's');
}
