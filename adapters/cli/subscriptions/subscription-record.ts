import type { ContactLocal, Directory } from '../../../component/directory/directory.ts';
import type { Instant } from '../../../component/runtime/clock.ts';
import type { BareJid } from '../../../component/subscription/bare-jid.ts';
import type { SubscriptionPolicy } from '../../../component/subscription/subscription-policy.ts';
import type { SubscriptionRow, SubscriptionState } from '../../../component/subscription/subscription-store.ts';
import { parseAddress } from '../../../component/xmpp/address.ts';
import { fold, isJidLocal } from '../../../config/schema/values.ts';
import type { Fields } from './records.ts';

export type RecordRules = {
  /** The component's domain. */
  readonly domain: string;
  readonly directory: Directory;
  readonly policy: SubscriptionPolicy;
  /** What `since` is where a record does not say. */
  readonly now: Instant;
};

/** What stands in files for an instant. */
export function writeInstant(instant: Instant): string {
  return new Date(instant).toISOString();
}

/** The row that a record stands for, addresses prepared as servers send them; or what is wrong with it. */
export function rowOf(fields: Fields, { domain, directory, policy, now }: RecordRules): SubscriptionRow | string {
  const [contactText, watcherText, stateText, sinceText] = [
    (fields.contact ?? '').trim(),
    (fields.watcher ?? '').trim(),
    (fields.state ?? '').trim(),
    (fields.since ?? '').trim(),
  ];
  const contact = contactOf(contactText, domain);
  if (contact === undefined) return `contact ${quoted(contactText)} is neither a local part nor a JID of ${domain}`;
  if (directory.mailboxOf(contact) === undefined) return `contact ${quoted(contactText)} has no mailbox (directory)`;
  const watcher = watcherOf(watcherText);
  if (watcher === undefined) return `watcher ${quoted(watcherText)} is no bare JID, as in bob@example.com`;
  if (!policy.allows(watcher, contact)) return `watcher ${quoted(watcherText)} may not watch ${contact} (watchers)`;
  const state = stateText === '' ? 'subscribed' : stateText;
  if (!isState(state)) return `state ${quoted(stateText)} is neither subscribed nor pending`;
  const since = sinceText === '' ? now : readInstant(sinceText);
  if (since === undefined) return `since ${quoted(sinceText)} is no ISO 8601 time, as in 2026-03-02T09:00:00Z`;
  return { contact, watcher, state, since };
}

/** So much of a wrong text is shown. */
const SHOWN = 100;

function quoted(text: string): string {
  return `“${text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text}”`;
}

/** The local part of a contact that is given by it or by its bare JID; undefined: it is neither. */
export function contactOf(text: string, domain: string): ContactLocal | undefined {
  const [local = '', ...domains] = fold(text).split('@');
  if (!isJidLocal(local) || domains.length > 1) return undefined;
  return domains.length === 0 || domains[0] === domain ? local : undefined;
}

/** A bare JID as servers send it; undefined when it is none. A domain alone is one (RFC 7622 §3.1): a bot may be that. */
export function watcherOf(text: string): BareJid | undefined {
  const address = parseAddress(fold(text));
  if (address === undefined || address.resource !== '') return undefined;
  const { bare, local, domain } = address;
  return (local === '' || isJidLocal(local)) && isJidLocal(domain) ? bare : undefined;
}

function isState(text: string): text is SubscriptionState {
  return text === 'subscribed' || text === 'pending';
}

const isoTime = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/i;

function readInstant(text: string): Instant | undefined {
  const [, day] = isoTime.exec(text) ?? [];
  const instant = Date.parse(text);
  if (day === undefined || !Number.isFinite(instant)) return undefined;
  // JavaScript takes the 30th of February for the 2nd of March.
  return writeInstant(Date.parse(day)).startsWith(day) ? instant : undefined;
}
