import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import type { Clock } from '../../../component/runtime/clock.ts';
import { callEwsLibrary } from '../ews-library.ts';
import type { EwsAnswer, EwsTransport } from '../http/ews-transport.ts';
import { anchorHeaders } from '../xml/soap-envelope.ts';
import { escapeXml } from '../xml/xml-text.ts';

/** What leads all requests of a group of subscriptions to the one server that keeps them. */
export type Affinity = {
  /** The mailbox for whose server all of the group goes. */
  readonly anchor: Mailbox;
  /** The value of the cookie X-BackEndOverrideCookie that came with the anchor's subscription. */
  readonly cookie: string | undefined;
};

export type SubscribeContext = {
  readonly transport: EwsTransport;
  readonly clock: Clock;
  /** How long one request may take, in milliseconds. */
  readonly limit: number;
};

/** A subscription as the server knows it. */
export type Subscription = { readonly id: string; readonly cookie: string | undefined };

const COOKIE = 'X-BackEndOverrideCookie';

/**
 * Subscribes to what happens in the mailbox's calendar, in the mailbox's own name.
 *
 * https://learn.microsoft.com/exchange/client-developer/web-service-reference/subscribe-operation
 *
 * @throws CalendarSourceError; the signal's reason when aborted
 */
export async function subscribe(
  context: SubscribeContext,
  mailbox: Mailbox,
  affinity: Affinity,
  signal: AbortSignal,
): Promise<Subscription> {
  let cookie: string | undefined;
  const onAnswer = (answer: EwsAnswer) => {
    cookie = overrideCookie(answer.cookies);
  };
  const options = { ...context, signal, impersonate: mailbox, headers: affinityHeaders(affinity), onAnswer };
  const id = await callEwsLibrary(options, async (service, ews) => {
    const { Created, Modified, Moved, Deleted, FreeBusyChanged } = ews.EventType;
    const calendar = new ews.FolderId(ews.WellKnownFolderName.Calendar);
    const types = [Created, Modified, Moved, Deleted, FreeBusyChanged];
    const subscription = await service.SubscribeToStreamingNotifications([calendar], ...types);
    return subscription.Id;
  });
  if (!id) throw new CalendarSourceError('malformed', 'Exchange gave a subscription without an id');
  return { id, cookie };
}

/**
 * Gives a subscription back.
 *
 * https://learn.microsoft.com/exchange/client-developer/web-service-reference/unsubscribe-operation
 *
 * @throws CalendarSourceError; the signal's reason when aborted
 */
export async function unsubscribe(
  context: SubscribeContext,
  mailbox: Mailbox,
  id: string,
  affinity: Affinity,
  signal: AbortSignal,
): Promise<void> {
  const options = { ...context, signal, impersonate: mailbox, headers: affinityHeaders(affinity) };
  await callEwsLibrary(options, async (service) => {
    // Declared as internal; the public way leads over the very service that made the subscription.
    await (service as unknown as { Unsubscribe(id: string): Promise<unknown> }).Unsubscribe(escapeXml(id));
  });
}

/**
 * The headers that keep a group of subscriptions on one server.
 *
 * https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-maintain-affinity-between-group-of-subscriptions-and-mailbox-server
 */
export function affinityHeaders({ anchor, cookie }: Affinity): Readonly<Record<string, string>> {
  return {
    ...anchorHeaders(anchor),
    'X-PreferServerAffinity': 'true',
    ...(cookie !== undefined && { cookie: `${COOKIE}=${cookie}` }),
  };
}

function overrideCookie(cookies: readonly string[]): string | undefined {
  for (const cookie of cookies) {
    const [pair = ''] = cookie.split(';', 1);
    const at = pair.indexOf('=');
    if (pair.slice(0, at).trim().toLowerCase() === COOKIE.toLowerCase()) return pair.slice(at + 1).trim() || undefined;
  }
  return undefined;
}
