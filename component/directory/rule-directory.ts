import type { ContactLocal, Directory, Mailbox } from './directory.ts';
import { unescapeLocalPart } from './jid-escaping.ts';

export type DirectoryRules = {
  /** A mailbox address with `{local}` for the contact's unescaped local part, `{local}@example.com`; undefined: none. */
  readonly rule: string | undefined;
  /** The mail domains that a contact may name itself, as in `alice\40example.com@calendar.example.net`. */
  readonly domains: readonly string[];
  /** Contacts that follow no rule: unescaped local part in lower case → mailbox. */
  readonly contacts: ReadonlyMap<string, Mailbox>;
  /** What people call contacts: unescaped local part in lower case → name. */
  readonly names?: ReadonlyMap<string, string> | undefined;
};

/** RFC 5321 §4.5.3.1: 64 octets for the local part, 254 for an address that fits a path. */
const LONGEST_ADDRESS = 254;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what an address must not carry
const UNUSABLE = /[\u0000-\u0020\u007f<>]/;

/** Finds a contact's mailbox by explicit override, by the address it carries (XEP-0106), or by rule, in this order. */
export class RuleDirectory implements Directory {
  readonly #rule: string | undefined;
  readonly #domains: ReadonlySet<string>;
  readonly #overrides: ReadonlyMap<string, Mailbox>;
  readonly #names: ReadonlyMap<string, string> | undefined;

  constructor({ rule, domains, contacts, names }: DirectoryRules) {
    this.#rule = rule;
    this.#domains = new Set(domains.map((domain) => domain.toLowerCase()));
    this.#overrides = contacts;
    this.#names = names;
  }

  mailboxOf(contact: ContactLocal): Mailbox | undefined {
    const local = unescapeLocalPart(contact).toLowerCase();
    return this.#overrides.get(local) ?? this.#derived(local);
  }

  nameOf(contact: ContactLocal): string | undefined {
    if (this.mailboxOf(contact) === undefined) return undefined;
    const local = unescapeLocalPart(contact);
    return this.#names?.get(local.toLowerCase()) ?? local;
  }

  #derived(local: string): Mailbox | undefined {
    if (local === '' || UNUSABLE.test(local)) return undefined;
    const at = local.lastIndexOf('@');
    if (at === 0) return undefined;
    if (at > 0 && !this.#domains.has(local.slice(at + 1))) return undefined;
    const mailbox = at > 0 ? local : this.#rule?.replace('{local}', () => local);
    return mailbox !== undefined && mailbox.length <= LONGEST_ADDRESS ? mailbox : undefined;
  }
}
