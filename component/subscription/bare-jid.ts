/** A bare JID, prepared as the XMPP server sends it, for which `isBareJid` holds. */
export type BareJid = string;

/**
 * RFC 7622 §3.3.1 forbids spaces and what XML must escape, and the PRECIS classes what XML can't carry. U+FFFD stands where
 * there was no UTF-8: two addresses could look the same.
 */
const IMPOSSIBLE = /[ "&'/<>\p{Cc}\p{Cs}\uFFFD-\uFFFF]/u;

/** Whether no character of it is impossible in a bare JID: then it can stand in XML as it is. */
export function isBareJid(text: string): boolean {
  return text !== '' && !IMPOSSIBLE.test(text);
}
