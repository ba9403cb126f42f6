// Writes what Subscribe, Unsubscribe and GetStreamingEvents answer.
// docs: Subscribe, Unsubscribe, GetStreamingEvents operations, GetStreamingEventsResponseMessage, ConnectionStatus,
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/getstreamingeventsresponsemessage
//       messages.xsd (GetStreamingEventsResponseMessageType), types.xsd (NotificationType, BaseObjectChangedEventType)

import { type HttpAnswer, XML } from './http-answer.ts';
import { writeResponse, writeResponseMessage } from './response-message.ts';
import { namesOf, type ResponseStyle, type SoapFault, writeText } from './soap.ts';
import type { StreamStyle } from './streaming-faults.ts';
import type { MailboxEvent, Subscription } from './subscriptions.ts';

export function subscribeAnswer(style: ResponseStyle, id: string): HttpAnswer {
  const { m } = namesOf(style);
  const content = `<${m}SubscriptionId>${writeText(style, id)}</${m}SubscriptionId>`;
  return answer(style, 'Subscribe', undefined, content);
}

/** The answer of one of the three operations that holds nothing, or an error. */
export function notificationAnswer(style: ResponseStyle, operation: string, error?: SoapFault): HttpAnswer {
  return answer(style, operation, error, '');
}

export function streamError(
  style: ResponseStyle & StreamStyle,
  error: SoapFault,
  ids: readonly string[],
  status?: 'Closed',
): string {
  const { m } = namesOf(style);
  const { open, close } = idTags(style);
  const texts = ids.map((id) => `${open}${writeText(style, id)}${close}`).join('');
  const list = ids.length === 0 ? '' : `<${m}ErrorSubscriptionIds>${texts}</${m}ErrorSubscriptionIds>`;
  const content = `${list}${status === undefined ? '' : writeStatus(style, status)}`;
  return write(style, 'GetStreamingEvents', error, content);
}

/** A sign of life, or the last word of a stream. */
export function streamStatus(style: ResponseStyle, status: 'OK' | 'Closed'): string {
  return write(style, 'GetStreamingEvents', undefined, writeStatus(style, status));
}

/** The events of one or several subscriptions. */
export function streamEvents(
  style: ResponseStyle & StreamStyle,
  batches: readonly { readonly subscription: Subscription; readonly events: readonly MailboxEvent[] }[],
): string {
  const { m, t, openTypes } = namesOf(style);
  const inMessages = style.notification === 'messages';
  const outer = inMessages ? `${m}Notification` : `${t}Notification`;
  // With an unnamed types namespace the declaration stands on the outermost element that is in it.
  const outerDeclares = inMessages ? '' : openTypes;
  const innerDeclares = inMessages ? openTypes : '';
  const notifications = batches.map(({ subscription, events }) => {
    const id = `<${t}SubscriptionId${innerDeclares}>${writeText(style, subscription.id)}</${t}SubscriptionId>`;
    const all = events.map((event) => writeEvent(style, subscription.mailbox, event, innerDeclares)).join('');
    return `<${outer}${outerDeclares}>${id}${all}</${outer}>`;
  });
  const content = `<${m}Notifications>${notifications.join('')}</${m}Notifications>`;
  return write(style, 'GetStreamingEvents', undefined, content);
}

function writeEvent(style: ResponseStyle, mailbox: string, { type, at, item }: MailboxEvent, declares: string): string {
  const { t } = namesOf(style);
  if (type === 'StatusEvent') return `<${t}${type}${declares}/>`;
  const time = `<${t}TimeStamp>${writeText(style, `${new Date(at).toISOString().slice(0, 19)}Z`)}</${t}TimeStamp>`;
  const id = (name: string, what: string): string =>
    `<${t}${name} Id="${Buffer.from(`${mailbox}/${what}`).toString('base64')}" ChangeKey="AQAAAA=="/>`;
  const target = item === undefined ? id('FolderId', 'calendar') : id('ItemId', item);
  const from = type === 'MovedEvent' ? `${id('OldItemId', `old-${item}`)}${id('OldParentFolderId', 'calendar')}` : '';
  const parent = id('ParentFolderId', from === '' && item !== undefined ? 'calendar' : 'top');
  return `<${t}${type}${declares}>${time}${target}${parent}${from}</${t}${type}>`;
}

function idTags(style: ResponseStyle & StreamStyle): { readonly open: string; readonly close: string } {
  const { m, t, openTypes } = namesOf(style);
  return style.notification === 'messages'
    ? { open: `<${m}SubscriptionId>`, close: `</${m}SubscriptionId>` }
    : { open: `<${t}SubscriptionId${openTypes}>`, close: `</${t}SubscriptionId>` };
}

function writeStatus(style: ResponseStyle, status: 'OK' | 'Closed'): string {
  const { m } = namesOf(style);
  return `<${m}ConnectionStatus>${writeText(style, status)}</${m}ConnectionStatus>`;
}

function write(style: ResponseStyle, operation: string, error: SoapFault | undefined, content: string): string {
  return writeResponse(style, operation, writeResponseMessage(style, `${operation}ResponseMessage`, error, content));
}

function answer(style: ResponseStyle, operation: string, error: SoapFault | undefined, content: string): HttpAnswer {
  return { status: 200, headers: XML, body: write(style, operation, error, content) };
}
