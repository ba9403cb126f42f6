// What Autodiscover is told to say, where it is not simply the truth.

import type { Host, Organisation } from '../organisation.ts';

/** What is said of a user, or of all users of a domain. */
export type AutodiscoverEntry =
  /** Ask again for this address. */
  | { readonly redirectAddress: string }
  /** Ask that Autodiscover service. */
  | { readonly redirectUrl: string }
  | { readonly error: 'InvalidUser' | 'InvalidDomain' | 'ServerBusy' | 'InternalServerError' | 'SettingIsNotAvailable' }
  /** Settings in place of the true ones; undefined: the server has none. */
  | { readonly settings: Readonly<Record<string, string | undefined>> };

/** What is said in the end. */
export type UserAnswer = Exclude<AutodiscoverEntry, { readonly settings: unknown }> | { readonly settings: Settings };
export type Settings = ReadonlyMap<string, string>;

export class AutodiscoverDirectory {
  readonly #organisation: Organisation;
  readonly #entries = new Map<string, AutodiscoverEntry>();
  #redirect: string | undefined;

  constructor(organisation: Organisation) {
    this.#organisation = organisation;
  }

  /** What is said of an address, or of all addresses of a domain (`@example.test`), until it is set anew or deleted. */
  set(addressOrDomain: string, entry: AutodiscoverEntry): void {
    this.#entries.set(addressOrDomain.toLowerCase(), entry);
  }

  delete(addressOrDomain: string): void {
    this.#entries.delete(addressOrDomain.toLowerCase());
  }

  /** Where every request below /autodiscover is sent with a 302, before anyone is asked who he is; undefined: nowhere. */
  get redirect(): string | undefined {
    return this.#redirect;
  }

  set redirect(url: string | undefined) {
    this.#redirect = url;
  }

  /** What is said of a user: who is in no calendar and has no entry is no user. */
  answerFor(address: string): UserAnswer {
    const entry = this.#entries.get(address.toLowerCase()) ?? this.#entries.get(domainOf(address));
    if (entry !== undefined && !('settings' in entry)) return entry;
    if (this.#organisation.calendars.access(address) === undefined) return { error: 'InvalidUser' };
    const settings = trueSettings(address, this.#organisation.home(address));
    for (const [name, value] of Object.entries(entry?.settings ?? {})) {
      if (value === undefined) settings.delete(name);
      else settings.set(name, value);
    }
    return { settings };
  }
}

function trueSettings(address: string, home: Host): Map<string, string> {
  const name = address.slice(0, address.indexOf('@'));
  const { host } = new URL(home.url);
  const group = '/o=Example/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)';
  return new Map([
    ['UserDisplayName', name],
    ['UserDN', `${group}/cn=Recipients/cn=${name}`],
    ['UserDeploymentId', '5f1ff6f6-6c1c-4a4c-9d0a-7c1a2fd7a6b1'],
    ['AutoDiscoverSMTPAddress', address],
    ['CasVersion', '15.02.1748.010'],
    [
      'EwsSupportedSchemas',
      'Exchange2007, Exchange2007_SP1, Exchange2010, Exchange2010_SP1, Exchange2010_SP2, Exchange2013',
    ],
    ['InternalMailboxServer', host],
    ['ExternalMailboxServer', host],
    ['ActiveDirectoryServer', 'dc.example.test'],
    ['MailboxDN', `${group}/cn=Configuration/cn=Servers/cn=EX01/cn=Private MDB`],
    ['InternalEwsUrl', home.url],
    ['ExternalEwsUrl', home.url],
    ['GroupingInformation', `Default-First-Site-Name:${host}`],
  ]);
}

function domainOf(address: string): string {
  return address.slice(address.indexOf('@')).toLowerCase();
}
