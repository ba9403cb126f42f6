import { isBareJid } from '../subscription/bare-jid.ts';

/** A JID, split: RFC 7622 §3.1. `bare` and `full` are as on the wire. */
export type Address = {
  readonly full: string;
  readonly bare: string;
  readonly local: string;
  readonly domain: string;
  readonly resource: string;
};

/** RFC 7622 §3.1: each of the three parts has at most 1023 octets. */
const LONGEST_PART = 1023;
/** §3.4.1: more than elsewhere, but no control characters; and not what stands where there was no UTF-8. */
const UNFIT_IN_RESOURCE = /[\p{Cc}\ufffd]/u;

/**
 * Splits a JID that the server has already prepared; undefined when it is none.
 *
 * Not by `@xmpp/jid`: it re-escapes a local part with a lone backslash, so that the address is no longer the one
 * that was sent, and accepts empty parts.
 */
export function parseAddress(text: string | undefined): Address | undefined {
  if (text === undefined) return undefined;
  const slash = text.indexOf('/');
  const bare = slash === -1 ? text : text.slice(0, slash);
  const resource = slash === -1 ? '' : text.slice(slash + 1);
  const at = bare.indexOf('@');
  const local = at === -1 ? '' : bare.slice(0, at);
  const domain = bare.slice(at + 1);
  if (!isBareJid(bare) || domain === '' || domain.includes('@') || at === 0) return undefined;
  if (local.includes(':') || slash === text.length - 1 || UNFIT_IN_RESOURCE.test(resource)) return undefined;
  for (const part of [local, domain, resource]) if (Buffer.byteLength(part) > LONGEST_PART) return undefined;
  return { full: text, bare: bare.toLowerCase(), local: local.toLowerCase(), domain: domain.toLowerCase(), resource };
}
