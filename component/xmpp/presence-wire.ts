import xml from '@xmpp/xml';
import type { Presence } from '../presence/presence.ts';
import type { PresenceWire, Utterance } from '../presence/presence-publisher.ts';
import type { ComponentConnection } from './component-connection.ts';
import { type PresenceManner, presenceStanza } from './presence-stanza.ts';

/** Says presence over the component connection: serialised once for each contact, written once for each batch. */
export class ComponentPresenceWire implements PresenceWire {
  readonly #connection: ComponentConnection;
  readonly #manner: PresenceManner;

  constructor(connection: ComponentConnection, manner: PresenceManner) {
    this.#connection = connection;
    this.#manner = manner;
  }

  room(): number {
    return this.#connection.room();
  }

  whenRoom(signal: AbortSignal): Promise<void> {
    return this.#connection.whenRoom(signal);
  }

  say(utterances: readonly Utterance[]): boolean {
    let text = '';
    let contact: string | undefined;
    let presence: Presence | undefined;
    let stanza = { head: '', tail: '' };
    for (const utterance of utterances) {
      if (utterance.contact !== contact || utterance.presence !== presence) {
        ({ contact, presence } = utterance);
        stanza = presenceStanza(contact, presence, this.#manner);
      }
      text += stanza.head + xml.escapeXML(utterance.to) + stanza.tail;
    }
    return this.#connection.send(text, utterances.length);
  }
}
