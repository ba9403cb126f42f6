import xml, { type Element } from '@xmpp/xml';

export const NS_STANZAS = 'urn:ietf:params:xml:ns:xmpp-stanzas';

/** RFC 6120 §8.3.3: the conditions that we send, each with the type that tells the sender what to do about it. */
const types = {
  'bad-request': 'modify',
  'internal-server-error': 'cancel',
  'item-not-found': 'cancel',
  'jid-malformed': 'modify',
  'service-unavailable': 'cancel',
} as const;

export type StanzaErrorCondition = keyof typeof types;

/** Thrown by a handler to refuse a stanza; the router turns it into the error reply. */
export class StanzaError extends Error {
  override readonly name = 'StanzaError';
  readonly condition: StanzaErrorCondition;

  constructor(condition: StanzaErrorCondition) {
    super(condition);
    this.condition = condition;
  }
}

/** The error reply to a stanza (RFC 6120 §8.3.1): addresses swapped, same id, no text: strangers learn nothing. */
export function errorReply(stanza: Element, condition: StanzaErrorCondition): Element {
  const { from, to, id } = stanza.attrs;
  return xml(
    stanza.getName(),
    { type: 'error', from: to, to: from, id },
    xml('error', { type: types[condition] }, xml(condition, { xmlns: NS_STANZAS })),
  );
}

/** The condition of an error that came; empty when it names none. */
export function conditionOf(stanza: Element): string {
  const conditions = stanza.getChild('error')?.getChildElements() ?? [];
  return conditions.find((child) => child.getNS() === NS_STANZAS && child.getName() !== 'text')?.getName() ?? '';
}
