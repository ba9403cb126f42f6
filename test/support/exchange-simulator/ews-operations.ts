// Exchange Web Services: the table of the operations that the simulator knows.
// docs: EWS operations in Exchange, https://learn.microsoft.com/exchange/client-developer/web-service-reference/ews-operations-in-exchange

import { getMailTips, type MailTipsWorld } from './automatic-replies/mail-tips-operation.ts';
import { getUserOofSettings } from './automatic-replies/oof-settings-operation.ts';
import { type AvailabilityWorld, getUserAvailability } from './availability-operation.ts';
import { MESSAGES } from './namespaces.ts';
import type { Operation } from './operation.ts';
import { readSoapRequest } from './soap-request.ts';
import { getStreamingEvents, type StreamingWorld } from './streaming-operation.ts';
import { subscribe, unsubscribe } from './subscribe-operation.ts';
import type { WebService } from './web-service.ts';

export type EwsWorld = AvailabilityWorld &
  StreamingWorld &
  MailTipsWorld & { readonly validate: WebService['validate'] };

/** The web service at /EWS/Exchange.asmx. */
export function ewsService(world: EwsWorld): WebService {
  const operations = new Map<string, Operation>([
    ['GetUserAvailabilityRequest', getUserAvailability(world) as Operation],
    ['Subscribe', subscribe(world) as Operation],
    ['Unsubscribe', unsubscribe(world) as Operation],
    ['GetStreamingEvents', getStreamingEvents(world) as Operation],
    ['GetMailTips', getMailTips(world) as Operation],
    ['GetUserOofSettingsRequest', getUserOofSettings(world) as Operation],
  ]);
  return {
    path: '/EWS/Exchange.asmx',
    namespace: MESSAGES,
    operations,
    read: readSoapRequest,
    validate: world.validate,
    appsImpersonate: true,
  };
}
