import xml from '@xmpp/xml';
import type { ContactLocal } from '../directory/directory.ts';
import type { Presence } from '../presence/presence.ts';

/** XEP-0203: Delayed Delivery. */
export const NS_DELAY = 'urn:xmpp:delay';

/** The resource that all contacts speak from: one full JID, so that the last word replaces the one before. */
export const RESOURCE = 'calendar';

const { escapeXML, escapeXMLText } = xml;

/**
 * A presence stanza (RFC 6121 §4.2, §4.5, §4.7), serialised, in two pieces: what stands before the watcher's
 * address and what after, so that one serialisation serves all watchers of a contact.
 *
 * @param language the language that `<status/>` without xml:lang is in
 */
export function presenceStanza(
  contact: ContactLocal,
  domain: string,
  presence: Presence,
  language: string,
): { readonly head: string; readonly tail: string } {
  const head = `<presence from="${escapeXML(`${contact}@${domain}/${RESOURCE}`)}" to="`;
  const { look, asOf } = presence;
  if (!look.available) return { head, tail: '" type="unavailable"/>' };

  let content = look.show === undefined ? '' : `<show>${look.show}</show>`;
  for (const [tag, text] of Object.entries(look.status)) {
    const lang = tag === language ? '' : ` xml:lang="${escapeXML(tag)}"`;
    content += `<status${lang}>${escapeXMLText(text)}</status>`;
  }
  if (asOf !== undefined) {
    content += `<delay xmlns="${NS_DELAY}" from="${escapeXML(domain)}" stamp="${new Date(asOf).toISOString()}"/>`;
  }
  return { head, tail: content === '' ? '"/>' : `">${content}</presence>` };
}
