// Subscribe (streaming only) and Unsubscribe.
// docs: Subscribe operation, StreamingSubscriptionRequest, Unsubscribe operation,
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/subscribe-operation
//       EWS throttling in Exchange (EWSMaxSubscriptions is charged to the mailbox that is impersonated),
//       https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange
// From judgement: an account without a mailbox that impersonates nobody gets ErrorMissingEmailAddress.

import type { Backends } from './backends.ts';
import type { Faults } from './faults.ts';
import { MESSAGES, TYPES } from './namespaces.ts';
import { notificationAnswer, subscribeAnswer } from './notification-answer.ts';
import type { Asked, Operation } from './operation.ts';
import { Refusal, readChildren, readWord } from './request-reader.ts';
import { type EventType, eventTypes, type Subscriptions } from './subscriptions.ts';
import { budgetOwner, type Throttle } from './throttle.ts';
import type { XmlElement } from './xml-element.ts';

export type NotificationWorld = {
  readonly faults: Faults;
  readonly subscriptions: Subscriptions;
  readonly throttle: Throttle;
  readonly backends: Backends;
  readonly isSecure: boolean;
};

type SubscribeRequest = Asked & {
  readonly types: ReadonlySet<EventType>;
  readonly hearsCalendar: boolean;
  /** The mailboxes that its folders are said to be in. */
  readonly others: readonly string[];
};

export function subscribe(world: NotificationWorld): Operation<SubscribeRequest> {
  const { faults, subscriptions, throttle, backends } = world;
  return {
    read(element) {
      const { StreamingSubscriptionRequest } = readChildren(element, MESSAGES, {
        PullSubscriptionRequest: '?',
        PushSubscriptionRequest: '?',
        StreamingSubscriptionRequest: '?',
      });
      const [request] = StreamingSubscriptionRequest;
      if (request === undefined || element.children.length > 1) {
        throw new Refusal('ErrorInvalidRequest', 'Only one StreamingSubscriptionRequest is served here');
      }
      return readStreamingRequest(request);
    },
    answer({ types, hearsCalendar, others }, caller) {
      const { style } = faults;
      const { account, impersonated, backend, headers } = caller;
      const refuse = (code: string, message: string) => notificationAnswer(style, 'Subscribe', { code, message });
      if (impersonated === undefined && others.length === 0) {
        const message = 'The account has no mailbox of its own.';
        return refuse('ErrorMissingEmailAddress', message);
      }
      if (others.some((other) => other !== impersonated)) {
        const message = 'Subscriptions are not supported for delegate user access.';
        return refuse('ErrorSubscriptionDelegateAccessNotSupported', message);
      }
      const mailbox = impersonated as string;
      const owner = budgetOwner(caller);
      if (subscriptions.count(owner, backend) >= throttle.limits.subscriptions) {
        return refuse('ErrorExceededSubscriptionCount', 'The maximum number of subscriptions is exceeded.');
      }
      const { id } = subscriptions.create(backends.name(backend), {
        account,
        budgetOwner: owner,
        mailbox,
        backend,
        types: hearsCalendar ? types : new Set(),
      });
      const answer = subscribeAnswer(style, id);
      const cookies = backends.cookies(headers, backend, world.isSecure);
      return { ...answer, headers: { ...answer.headers, 'set-cookie': cookies } };
    },
    refuse(_request, error) {
      return notificationAnswer(faults.style, 'Subscribe', error);
    },
  };
}

function readStreamingRequest(request: XmlElement): SubscribeRequest {
  const parts = readChildren(request, TYPES, { FolderIds: '?', EventTypes: '1' });
  const [listed] = parts.FolderIds;
  const isAll = ['true', '1'].includes(request.attributes.get('SubscribeToAllFolders') ?? 'false');
  if (isAll === (listed !== undefined)) {
    throw new Refusal('ErrorInvalidSubscriptionRequest', 'It takes either FolderIds or SubscribeToAllFolders');
  }
  const folders = listed === undefined ? [] : readFolders(listed);
  const mailboxes = new Set(folders.map(({ mailbox }) => mailbox));
  if (mailboxes.size > 1) {
    throw new Refusal('ErrorInvalidSubscriptionRequest', 'A subscription is for the folders of one mailbox');
  }
  const { EventType } = readChildren(parts.EventTypes[0] as XmlElement, TYPES, { EventType: '*' });
  if (EventType.length === 0) throw new Refusal('ErrorSchemaValidation', 'EventTypes is empty');
  return {
    types: new Set(EventType.map((element) => readWord(element, eventTypes))),
    hearsCalendar: isAll || folders.some(({ id }) => id === 'calendar'),
    others: [...mailboxes].filter((mailbox) => mailbox !== undefined),
  };
}

function readFolders(list: XmlElement): readonly { readonly id: string; readonly mailbox: string | undefined }[] {
  const { DistinguishedFolderId } = readChildren(list, TYPES, { DistinguishedFolderId: '*' });
  if (DistinguishedFolderId.length === 0) throw new Refusal('ErrorSchemaValidation', 'FolderIds is empty');
  return DistinguishedFolderId.map((folder) => {
    const { Mailbox } = readChildren(folder, TYPES, { Mailbox: '?' });
    const [mailbox] = Mailbox;
    const address =
      mailbox === undefined
        ? undefined
        : readChildren(mailbox, TYPES, { Name: '?', EmailAddress: '?', RoutingType: '?' }).EmailAddress[0]?.text;
    return { id: folder.attributes.get('Id') ?? '', mailbox: address?.trim().toLowerCase() };
  });
}

type UnsubscribeRequest = Asked & { readonly id: string };

export function unsubscribe({ faults, subscriptions }: NotificationWorld): Operation<UnsubscribeRequest> {
  return {
    read(element) {
      const { SubscriptionId } = readChildren(element, MESSAGES, { SubscriptionId: '1' });
      return { id: (SubscriptionId[0] as XmlElement).text };
    },
    answer({ id }, { account, backend }) {
      const subscription = subscriptions.find(id, account, backend);
      if (subscription === undefined) {
        const error = { code: 'ErrorSubscriptionNotFound', message: 'The specified subscription was not found.' };
        return notificationAnswer(faults.style, 'Unsubscribe', error);
      }
      subscriptions.remove(subscription, 'ErrorSubscriptionUnsubscribed');
      return notificationAnswer(faults.style, 'Unsubscribe');
    },
    refuse(_request, error) {
      return notificationAnswer(faults.style, 'Unsubscribe', error);
    },
  };
}
