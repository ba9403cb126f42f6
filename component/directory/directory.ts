/** An Exchange mailbox: its SMTP address in lower case. */
export type Mailbox = string;

/** The local part of a contact's JID as it stands on the wire (XEP-0106 escapes included), in lower case. */
export type ContactLocal = string;

/** Contact ↔ mailbox, as a port. */
export interface Directory {
  /** The mailbox whose presence the contact shows; undefined when there is no such contact. */
  mailboxOf(contact: ContactLocal): Mailbox | undefined;
  /** What people call the contact, for instance `Alice Smith`; the contact's own name where there is no better one. */
  nameOf(contact: ContactLocal): string | undefined;
}
