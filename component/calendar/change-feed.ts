import type { Mailbox } from '../directory/directory.ts';

/**
 * Says which calendars have changed, as a port. Its hints only make the asking sooner: nothing depends on their coming,
 * nor on there being no more of them than changes.
 */
export interface ChangeFeed {
  /** From now on hints are wanted; also anew after a stop. After a gap in what was heard each mailbox concerned is named once. */
  start(onChange: (mailbox: Mailbox) => void): void;
  /** Begins to listen for a mailbox, as far as the feed has room. */
  follow(mailbox: Mailbox): void;
  unfollow(mailbox: Mailbox): void;
  /** Ends all listening, cleanly where there is time for it: resolves within five seconds. */
  stop(): Promise<void>;
}
