import xml, { type Element } from '@xmpp/xml';
import { LRUCache } from 'lru-cache';
import type { ContactLocal } from '../directory/directory.ts';
import type { Presence } from '../presence/presence.ts';
import { textFor, withUntil, wordsOf } from '../presence/words.ts';
import { type Clock, type Instant, SECOND } from '../runtime/clock.ts';
import type { BareJid } from '../subscription/bare-jid.ts';
import { RESOURCE } from './presence-stanza.ts';
import { StanzaError } from './stanza-error.ts';
import type { Inbound } from './stanza-router.ts';

/** XEP-0334: Message Processing Hints. */
const NS_HINTS = 'urn:xmpp:hints';

/** Two machines that answer each other: neither gets more than this from us. */
const PAUSE = 5 * SECOND;
const MOST_PAUSES = 10_000;

export type MessageHandlerOptions = {
  readonly clock: Clock;
  /** Whether the watcher is told the contact's presence. */
  readonly isWatching: (watcher: BareJid, contact: ContactLocal) => boolean;
  readonly nameOf: (contact: ContactLocal) => string | undefined;
  readonly presenceOf: (contact: ContactLocal) => Presence;
  /** The language of texts for those who ask for none. */
  readonly language: string;
  readonly send: (stanza: Element) => void;
};

/**
 * RFC 6121 §8.5: messages to a contact, behind which nobody reads. Who watches it is told in words what its presence says
 * anyway; everybody else learns that contacts take no messages.
 */
export function messageHandler(options: MessageHandlerOptions): (inbound: Inbound) => void {
  const answered = new LRUCache<string, Instant>({ max: MOST_PAUSES });
  return ({ stanza, from, to }) => {
    const { type = 'normal', id } = stanza.attrs;
    // §8.5.2: a headline for nobody is dropped.
    if (type === 'headline') return;
    const contact = to.local;
    const isForUs = (type === 'chat' || type === 'normal') && contact !== '' && options.isWatching(from.bare, contact);
    if (!isForUs) throw new StanzaError('service-unavailable');
    // Chat states, receipts and markers want no answer.
    if (!stanza.getChildText('body')) return;
    const now = options.clock.now();
    const key = `${from.bare} ${contact}`;
    const last = answered.get(key);
    if (last !== undefined && Math.abs(now - last) < PAUSE) return;
    answered.set(key, now);
    const { language, text } = inWords(options, contact, stanza.attrs['xml:lang'] ?? options.language);
    options.send(
      xml(
        'message',
        { type, from: `${contact}@${to.domain}/${RESOURCE}`, to: from.full, ...(id && { id }), 'xml:lang': language },
        xml('body', {}, text),
        // It is out of date by the time that an archive is read.
        xml('no-store', { xmlns: NS_HINTS }),
      ),
    );
  };
}

function inWords(
  { nameOf, presenceOf, language }: MessageHandlerOptions,
  contact: ContactLocal,
  wanted: string,
): { readonly language: string; readonly text: string } {
  const { look, untilText } = presenceOf(contact);
  const name = nameOf(contact) ?? contact;
  const status = look.available ? textFor(look.status, wanted, language) : undefined;
  if (status === undefined) {
    const { available, unknown } = wordsOf(wanted);
    return { language: wanted, text: `${name}: ${look.available ? available : unknown}` };
  }
  const said = untilText === undefined ? status.text : withUntil(status.text, status.language, untilText);
  return { language: status.language, text: `${name}: ${said}` };
}
