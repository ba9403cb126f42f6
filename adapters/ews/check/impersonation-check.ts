import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { RequestBudget } from '../../../component/calendar/request-budget.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import { SECOND, type Timer } from '../../../component/runtime/clock.ts';
import { SpareSlots } from '../spare-slots.ts';
import { listen } from '../streaming/event-stream.ts';
import { type Affinity, type Subscription, subscribe, unsubscribe } from '../streaming/subscribe.ts';
import { failed } from './advice.ts';
import type { AccountContext } from './check-context.ts';
import type { CheckFinding, Findings } from './check-finding.ts';
import type { ThrottlingSigns } from './throttling-signs.ts';

const STREAM_LIMIT = 20 * SECOND;
/** A stream whose first word is a refusal has ended after this. */
const SETTLED = 1.2 * SECOND;

/**
 * Whether the account may act in the mailbox's name, by subscribing to its calendar; and, where notifications are on,
 * whether their stream comes through. The subscription is given back, whatever happens.
 */
export async function* checkImpersonation(context: AccountContext, signs: ThrottlingSigns): Findings {
  const { impersonation = false, notifications = false, mailbox, signal, credentials } = context;
  if (!impersonation) return;
  if (mailbox === undefined) {
    const seen = 'not checked: it takes a sampleMailbox that is served here';
    yield { step: 'impersonation', severity: 'info', seen };
    return;
  }
  let subscription: Subscription;
  try {
    subscription = await subscribeToTheEnd(context, mailbox);
  } catch (error) {
    if (!(error instanceof CalendarSourceError)) throw error;
    signs.failed(error);
    yield failed('impersonation', error, { scheme: credentials.scheme, mailbox });
    return;
  }
  const affinity = { anchor: mailbox, cookie: subscription.cookie };
  let isLeft = false;
  try {
    signal.throwIfAborted();
    yield { step: 'impersonation', severity: 'ok', seen: `the account may act in the name of ${mailbox}` };
    if (notifications) yield await checkStream(context, signs, subscription.id, affinity);
  } finally {
    isLeft = !(await giveBack(context, subscription.id, affinity));
  }
  if (isLeft) {
    const seen =
      'the subscription that was made for this check could not be given back; it ends by itself in 30 minutes';
    yield { step: 'impersonation', severity: 'warning', seen };
  }
}

/** Not to be broken off: a subscription of which nobody heard can't be given back. Its own limit ends it. */
function subscribeToTheEnd(context: AccountContext, mailbox: Mailbox): Promise<Subscription> {
  const { account, signal, requestLimit } = context;
  const { signal: own } = new AbortController();
  const options = { ...context, limit: requestLimit };
  return account.run(signal, () => subscribe(options, mailbox, { anchor: mailbox, cookie: undefined }, own));
}

/** @returns whether that is done */
async function giveBack(context: AccountContext, id: string, affinity: Affinity): Promise<boolean> {
  const { account, requestLimit } = context;
  const { signal: own } = new AbortController();
  const options = { ...context, limit: Math.min(requestLimit, 10 * SECOND) };
  try {
    await account.run(own, () => unsubscribe(options, affinity.anchor, id, affinity, own));
    return true;
  } catch (error) {
    if (!(error instanceof CalendarSourceError)) throw error;
    return false;
  }
}

/** Listens until the first word. */
async function checkStream(
  context: AccountContext,
  signs: ThrottlingSigns,
  id: string,
  affinity: Affinity,
): Promise<CheckFinding> {
  const { transport, clock, signal, credentials, account, streamLimit = STREAM_LIMIT } = context;
  const budget = new RequestBudget({ concurrency: 1, random: Math.random });
  const slots = new SpareSlots({ clock, budget, most: 1 });
  const enough = new AbortController();
  const started = clock.now();
  let heardAfter: number | undefined;
  let timer: Timer = clock.after(streamLimit, () => enough.abort());
  const onHeard = () => {
    heardAfter = clock.now() - started;
    timer.cancel();
    timer = clock.after(SETTLED, () => enough.abort());
  };
  const stream = {
    ...{ ids: [id], affinity, minutes: 1, onHeard, onChanged: () => {} },
    signal: AbortSignal.any([signal, enough.signal]),
  };
  try {
    await account.run(signal, async () => {
      const end = await listen({ transport, clock, slots }, stream);
      if (end.kind === 'lost') throw end.error;
      if (end.kind !== 'closed') throw refused(end.kind);
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CalendarSourceError) {
      signs.failed(error);
      return failed('streaming', error, { scheme: credentials.scheme, mailbox: affinity.anchor });
    }
    if (!enough.signal.aborted) throw error;
  } finally {
    timer.cancel();
  }
  if (heardAfter !== undefined) {
    return { step: 'streaming', severity: 'ok', seen: `the notification stream was heard after ${heardAfter} ms` };
  }
  return {
    step: 'streaming',
    severity: 'warning',
    seen: `the notification stream said nothing within ${Math.round(streamLimit / SECOND)} seconds`,
    advice: 'Have the proxy or load balancer before Exchange pass answers on as they come, without buffering',
  };
}

function refused(kind: 'too-many' | 'unknown-subscriptions'): CalendarSourceError {
  return kind === 'too-many'
    ? new CalendarSourceError('throttled', 'Exchange allows no more notification streams', {
        code: 'ErrorExceededConnectionCount',
      })
    : new CalendarSourceError(
        'wrong-server',
        'The stream reached a server that does not know the subscription, which was just made: a load balancer before ' +
          'Exchange does not keep requests with the same X-AnchorMailbox and cookie together',
      );
}
