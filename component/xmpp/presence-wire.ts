import xml from '@xmpp/xml';
import type { ContactLocal } from '../directory/directory.ts';
import type { Presence } from '../presence/presence.ts';
import type { Announcement, PresenceWire } from '../presence/presence-publisher.ts';
import type { ComponentConnection } from './component-connection.ts';
import { type PresenceManner, presenceStanza } from './presence-stanza.ts';
import { legalXmlText } from './stanza-text.ts';

/** Says presence over the component connection: serialised once for all watchers of a contact, written at once. */
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

  announce(announcements: readonly Announcement[]): boolean {
    let text = '';
    let count = 0;
    for (const { contact, presence, to } of announcements) {
      const { head, tail } = presenceStanza(contact, presence, this.#manner);
      // A bare JID holds nothing that XML must escape (`isBareJid`): looking costs as much as all the rest here.
      for (const watcher of to) text += head + watcher + tail;
      count += to.length;
    }
    return this.#connection.send(text, count);
  }

  say(contact: ContactLocal, presence: Presence, to: string): boolean {
    const { head, tail } = presenceStanza(contact, presence, this.#manner);
    return this.#connection.send(head + xml.escapeXML(legalXmlText(to)) + tail);
  }
}
