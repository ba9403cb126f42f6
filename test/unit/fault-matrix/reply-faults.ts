// Faults of automatic replies, which are asked for beside free/busy: it must not suffer.

import type { FaultSetting } from '../../support/exchange-simulator/faults.ts';
import type { Fault } from './fault.ts';

function ofMailTips(name: string, setting: FaultSetting): Fault {
  return { name, begin: ({ simulator }) => simulator.faults.set(setting), asksReplies: true, sparesStreams: true };
}

export const replyFaults: readonly Fault[] = [
  ofMailTips('mail tips are pending', { kind: 'pending-mail-tips' }),
  ofMailTips('GetMailTips is busy', { kind: 'busy-fault', operation: 'GetMailTips', backOff: 60_000 }),
  ofMailTips('GetMailTips gets 401, for ever', { kind: 'unauthorized', operation: 'GetMailTips' }),
  ofMailTips('GetMailTips gets a page', { kind: 'html', operation: 'GetMailTips' }),
  ofMailTips('GetMailTips gets half an answer', { kind: 'cut-body', operation: 'GetMailTips' }),
];
