import xml from '@xmpp/xml';
import type { ContactLocal } from '../directory/directory.ts';
import type { Presence } from '../presence/presence.ts';
import { withUntil } from '../presence/words.ts';
import type { Instant } from '../runtime/clock.ts';
import { capsOfResource } from './entity.ts';
import { legalXmlText } from './stanza-text.ts';

/** XEP-0203: Delayed Delivery. */
export const NS_DELAY = 'urn:xmpp:delay';

/** Since when and until when, for programs: see README.md in this folder. */
export const NS_CALENDAR = 'urn:presence-gateway:calendar:1';

/** The resource that all contacts speak from: one full JID, so that the last word replaces the one before. */
export const RESOURCE = 'calendar';

/** Servers close the stream at a stanza of half a megabyte; nobody reads that much. */
const LONGEST_STATUS = 2000;

const { escapeXML, escapeXMLText } = xml;

/** What is the same for the presence of all contacts. */
export type PresenceManner = {
  readonly domain: string;
  /** The language that `<status/>` without xml:lang is in. */
  readonly language: string;
  /** RFC 6121 §4.7.2.3. */
  readonly priority: number;
};

/**
 * A presence stanza (RFC 6121 §4.2, §4.5, §4.7), serialised, in two pieces: what stands before the watcher's
 * address and what after, so that one serialisation serves all watchers of a contact. Holds nothing that XML can't carry.
 */
export function presenceStanza(
  contact: ContactLocal,
  presence: Presence,
  { domain, language, priority }: PresenceManner,
): { readonly head: string; readonly tail: string } {
  const head = `<presence from="${escapeXML(legalXmlText(`${contact}@${domain}/${RESOURCE}`))}" to="`;
  const { look, since, until, untilText, asOf } = presence;
  if (!look.available) return { head, tail: '" type="unavailable"/>' };

  let content = look.show === undefined ? '' : `<show>${look.show}</show>`;
  // RFC 6121 §4.7.2.2: a status without a language is in that of the stanza. Where none is written, Prosody writes `en`.
  const main = Object.hasOwn(look.status, language) ? langAttribute(language) : '';
  for (const [tag, text] of Object.entries(look.status)) {
    const said = untilText === undefined ? text : withUntil(text, tag, untilText);
    content += `<status${tag === language ? '' : langAttribute(tag)}>${escapeXMLText(cut(said))}</status>`;
  }
  if (priority !== 0) content += `<priority>${priority}</priority>`;
  if (asOf !== undefined) {
    content += `<delay xmlns="${NS_DELAY}" from="${escapeXML(domain)}" stamp="${stamp(asOf)}"/>`;
  }
  if (since !== undefined || until !== undefined) {
    const from = since === undefined ? '' : ` since="${stamp(since)}"`;
    const to = until === undefined ? '' : ` until="${stamp(until)}"`;
    content += `<calendar xmlns="${NS_CALENDAR}"${from}${to}/>`;
  }
  return { head, tail: `"${main}>${content}${capsOfResource}</presence>` };
}

function langAttribute(tag: string): string {
  return ` xml:lang="${escapeXML(tag)}"`;
}

/** XEP-0082: in whole seconds, in UTC. */
function stamp(at: Instant): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** What XML can carry of it; half a character at the cut is not. */
function cut(text: string): string {
  return legalXmlText(text.length <= LONGEST_STATUS ? text : text.slice(0, LONGEST_STATUS));
}
