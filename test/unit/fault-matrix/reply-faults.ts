// Faults of automatic replies, which are asked for beside free/busy: it must not suffer.

import { SECOND } from '../../../component/runtime/clock.ts';
import type { FaultSetting } from '../../support/exchange-simulator/faults.ts';
import { addressOf, type FaultyExchange } from './exchange.ts';
import type { Fault } from './fault.ts';

function beside(name: string, begin: (exchange: FaultyExchange) => void, more: Partial<Fault> = {}): Fault {
  return { name, begin, asksReplies: true, sparesStreams: true, check: 'automatic-replies error', ...more };
}

function ofMailTips(name: string, setting: FaultSetting, more: Partial<Fault> = {}): Fault {
  return beside(name, ({ simulator }) => simulator.faults.set(setting), more);
}

const operation = 'GetMailTips';

export const replyFaults: readonly Fault[] = [
  ofMailTips('mail tips are pending', { kind: 'pending-mail-tips' }, { check: 'version info' }),
  ofMailTips('GetMailTips is busy', { kind: 'busy-fault', operation, backOff: 60_000 }),
  ofMailTips('GetMailTips is busy in a 200', { kind: 'busy-in-200', operation, backOff: 60_000 }),
  ofMailTips('GetMailTips gets 401, for ever', { kind: 'unauthorized', operation }),
  ofMailTips('GetMailTips gets a page', { kind: 'html', operation }),
  ofMailTips('GetMailTips gets an empty 500', { kind: 'empty-500', operation }),
  ofMailTips('GetMailTips gets half an answer', { kind: 'cut-body', operation }),
  ofMailTips('GetMailTips is refused', { kind: 'fault-in-200', operation, code: 'ErrorInvalidRequest' }),
  ofMailTips(
    'GetMailTips never gets an answer',
    { kind: 'hang', operation },
    { hangs: (_origin, body) => body.includes('GetMailTips'), lingers: 10 * SECOND },
  ),
  ofMailTips(
    'no mail tips for one mailbox',
    { kind: 'mailbox-error', operation, mailbox: addressOf('dave'), code: 'ErrorMailboxStoreUnavailable' },
    { check: 'automatic-replies warning' },
  ),
  beside('mail tips for one recipient a request', ({ simulator }) => Object.assign(simulator.limits, { mailTips: 1 }), {
    check: 'version info',
  }),
];
