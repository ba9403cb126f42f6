// GetStreamingEvents.
// docs: GetStreamingEvents operation, https://learn.microsoft.com/exchange/client-developer/web-service-reference/getstreamingevents-operation
//       Maintain affinity between a group of subscriptions and the Mailbox server in Exchange (at most 200 ids; whose
//       connection it is; the subscriptions' owner is the account), https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-maintain-affinity-between-group-of-subscriptions-and-mailbox-server
//       types.xsd (StreamingSubscriptionConnectionTimeoutType: 1–30)
// From judgement: more than 200 ids are ErrorInvalidRequest; ids of another backend, another account or nobody are all
// ErrorSubscriptionNotFound.

import type { Clock } from '../../../component/runtime/clock.ts';
import { EventStream } from './event-stream.ts';
import { type HttpAnswer, XML } from './http-answer.ts';
import { MESSAGES, TYPES } from './namespaces.ts';
import { notificationAnswer, streamError } from './notification-answer.ts';
import type { Asked, Operation } from './operation.ts';
import { Refusal, readChildren, readInteger } from './request-reader.ts';
import type { NotificationWorld } from './subscribe-operation.ts';
import type { XmlElement } from './xml-element.ts';

type StreamingRequest = Asked & {
  readonly ids: readonly string[];
  /** Minutes. */
  readonly timeout: number;
};

export type StreamingWorld = NotificationWorld & {
  readonly clock: Clock;
  /** Those that are open. */
  readonly streams: Set<EventStream>;
};

const MOST_SUBSCRIPTIONS = 200;
const MINUTE = 60_000;

export function getStreamingEvents(world: StreamingWorld): Operation<StreamingRequest> {
  const { faults, subscriptions, clock, streams } = world;
  return {
    isStream: true,

    read(element) {
      const parts = readChildren(element, MESSAGES, { SubscriptionIds: '1', ConnectionTimeout: '1' });
      const { SubscriptionId } = readChildren(parts.SubscriptionIds[0] as XmlElement, TYPES, { SubscriptionId: '*' });
      const timeout = readInteger(parts.ConnectionTimeout[0] as XmlElement);
      if (SubscriptionId.length === 0) throw new Refusal('ErrorSchemaValidation', 'SubscriptionIds is empty');
      if (timeout < 1 || timeout > 30) {
        throw new Refusal('ErrorSchemaValidation', `ConnectionTimeout is 1 to 30 minutes, not ${timeout}`);
      }
      if (SubscriptionId.length > MOST_SUBSCRIPTIONS) {
        const message = `A connection serves at most ${MOST_SUBSCRIPTIONS} subscriptions, not ${SubscriptionId.length}`;
        throw new Refusal('ErrorInvalidRequest', message);
      }
      return { ids: SubscriptionId.map(({ text }) => text), timeout };
    },

    answer({ ids, timeout }, { account, backend }): HttpAnswer {
      const found = ids.map((id) => subscriptions.find(id, account, backend));
      const known = found.filter((one) => one !== undefined);
      const unknown = ids.filter((_, i) => found[i] === undefined);
      if (unknown.length > 0) {
        const error = { code: 'ErrorSubscriptionNotFound', message: 'The specified subscription was not found.' };
        return { status: 200, headers: XML, body: streamError(faults.style, error, unknown, 'Closed') };
      }
      const stream = new EventStream(known, { subscriptions, faults, clock, timeout: timeout * MINUTE });
      return {
        status: 200,
        headers: XML,
        live: async (response) => {
          streams.add(stream);
          await stream.run(response);
          streams.delete(stream);
        },
      };
    },

    refuse(_request, error) {
      return notificationAnswer(faults.style, 'GetStreamingEvents', error);
    },
  };
}
