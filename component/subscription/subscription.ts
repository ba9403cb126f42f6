import type { SubscriptionState } from './subscription-store.ts';

/** A watcher's standing with a contact; `none` is not stored. */
export type Standing = 'none' | SubscriptionState;

/**
 * What is known of the contact's mailbox:
 * - `known`: Exchange has answered for it
 * - `not-found`: Exchange says that there is none
 * - `unanswered`: Exchange has not said either
 */
export type MailboxVerdict = 'known' | 'not-found' | 'unanswered';

/**
 * Whether the watcher may watch the contact: `no` covers contacts that do not exist, so that nobody can tell one
 * from the other; `full` is a permitted watcher with too many subscriptions already.
 */
export type Permission = 'yes' | 'no' | 'full';

export type SubscriptionEvent =
  | { readonly type: 'subscribe' | 'probe'; readonly permission: Permission; readonly mailbox: MailboxVerdict }
  | { readonly type: 'unsubscribe' }
  /** Exchange has spoken about the mailbox. */
  | { readonly type: 'answer'; readonly mailbox: 'known' | 'not-found' }
  /** Exchange has known no such mailbox for so long that it will not come back. */
  | { readonly type: 'gone' };

/** What the watcher is told, in order: subscription stanzas, then the contact's presence or that it is unknown. */
export type Saying = 'subscribed' | 'unsubscribed' | 'presence' | 'unavailable';

export type Reaction = { readonly standing: Standing; readonly say: readonly Saying[] };

/**
 * The subscription of one watcher to one contact, as a component that hosts contacts keeps it.
 *
 * RFC 6121 §3.1 (subscribe), §3.2 (cancel), §3.3 (unsubscribe), §4.3 (probe), and the rule that refusals are not
 * rash: `unsubscribed` takes the contact out of the watcher's roster for good, so it is said only when it is sure.
 * README.md in this folder has the table, and where and why it deviates from the RFC.
 */
export function react(standing: Standing, event: SubscriptionEvent): Reaction {
  switch (event.type) {
    case 'subscribe':
      return onSubscribe(standing, event.permission, event.mailbox);
    case 'probe':
      return onProbe(standing, event.permission, event.mailbox);
    case 'unsubscribe':
      // §3.3.3: the watcher's server removes the entry itself; presence ends, and nothing more is said.
      return { standing: 'none', say: standing === 'subscribed' ? ['unavailable'] : [] };
    case 'answer':
      return onAnswer(standing, event.mailbox);
    case 'gone':
      return standing === 'none' ? { standing, say: [] } : refusal(standing);
  }
}

/** §3.1.3: the answer is the same however often it is asked (Prosody asks again at each log-in). */
function onSubscribe(standing: Standing, permission: Permission, mailbox: MailboxVerdict): Reaction {
  if (permission === 'no') return refusal(standing);
  if (standing === 'subscribed') return { standing, say: ['subscribed', 'presence'] };
  if (permission === 'full' && standing === 'none') return refusal(standing);
  switch (mailbox) {
    case 'known':
      return { standing: 'subscribed', say: ['subscribed', 'presence'] };
    case 'not-found':
      return refusal(standing);
    case 'unanswered':
      return { standing: 'pending', say: [] };
  }
}

/** §4.3.2; a permitted watcher without a row comes from a roster that outlived our database: it gets its row back. */
function onProbe(standing: Standing, permission: Permission, mailbox: MailboxVerdict): Reaction {
  if (permission === 'no') return refusal(standing);
  if (standing === 'subscribed') return { standing, say: ['presence'] };
  if (standing === 'pending' && mailbox === 'known') return { standing: 'subscribed', say: ['subscribed', 'presence'] };
  // Not `pending`: a mailbox that is missing for a moment would then cost the roster its entry.
  if (standing === 'none' && permission === 'yes' && mailbox !== 'not-found') {
    return { standing: 'subscribed', say: ['presence'] };
  }
  return { standing, say: ['unavailable'] };
}

function onAnswer(standing: Standing, mailbox: 'known' | 'not-found'): Reaction {
  if (standing !== 'pending') return { standing, say: [] };
  if (mailbox === 'not-found') return refusal(standing);
  return { standing: 'subscribed', say: ['subscribed', 'presence'] };
}

/** §3.2.2: who was told presence is told first that it ends. */
function refusal(standing: Standing): Reaction {
  return { standing: 'none', say: standing === 'subscribed' ? ['unavailable', 'unsubscribed'] : ['unsubscribed'] };
}
