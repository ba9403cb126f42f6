// Faults of a whole server, or of what stands before it, as the simulator and Exchange know them.

import { MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import type { FaultSetting } from '../../support/exchange-simulator/faults.ts';
import { PEOPLE } from './exchange.ts';
import type { Fault } from './fault.ts';

/** A fault of the simulator, for every request. */
function simulated(name: string, setting: FaultSetting, more: Partial<Fault> = {}): Fault {
  return { name, begin: ({ simulator }) => simulator.faults.set(setting), cutsOff: PEOPLE, ...more };
}

const passing: Partial<Fault> = { cutsOff: [] };
/** Who gets a ResponseCode was let in. */
const letIn: Partial<Fault> = { check: 'free-busy error' };
const wantingRest: Partial<Fault> = { ...letIn, wantsRest: 2 * MINUTE };
const refused: Partial<Fault> = { needsOperator: true };

export const serverFaults: readonly Fault[] = [
  simulated('503', { kind: 'unavailable' }),
  simulated('503 with Retry-After in seconds', { kind: 'unavailable', retryAfter: 90 }, { wantsRest: 90 * SECOND }),
  simulated('503 with Retry-After at a date', { kind: 'unavailable', retryAfter: 'Mon, 02 Mar 2026 09:20:00 GMT' }),
  simulated(
    'busy, BackOffMilliseconds first',
    { kind: 'busy-fault', backOff: 120_000, position: 'first' },
    wantingRest,
  ),
  simulated('busy, BackOffMilliseconds last', { kind: 'busy-fault', backOff: 120_000, position: 'last' }, wantingRest),
  simulated('busy in a 200', { kind: 'busy-in-200' }, letIn),
  simulated('busy in a 200 with BackOffMilliseconds', { kind: 'busy-in-200', backOff: 120_000 }, wantingRest),
  simulated(
    'too many connections, back-off 0',
    { kind: 'too-many-connections' },
    { ...letIn, streamBackOff: 30 * MINUTE },
  ),
  simulated('401 once', { kind: 'unauthorized', times: 1 }, passing),
  simulated('401 twice', { kind: 'unauthorized', times: 2 }, passing),
  simulated('401 for ever', { kind: 'unauthorized' }, refused),
  {
    name: 'the password is another one now',
    begin: ({ simulator }) => simulator.account.changePassword('another'),
    end: ({ simulator }) => simulator.account.changePassword('secret'),
    cutsOff: PEOPLE,
    needsOperator: true,
  },
  simulated('403 with X-EWS-Policy-Reason', { kind: 'blocked' }, refused),
  simulated('a log-in page', { kind: 'html' }),
  simulated('an error page', { kind: 'html-error' }),
  simulated('500 and nothing', { kind: 'empty-500' }),
  simulated('302 to a log-in page', { kind: 'redirect' }),
  simulated('a body that is cut', { kind: 'cut-body' }),
  simulated('no answer, ever', { kind: 'hang' }, { hangs: () => true, lingers: 90 * SECOND }),
  simulated('a body in slow pieces', { kind: 'slow-body', pieces: 4, pause: 2 }, { ...passing, check: 'version info' }),
  simulated('an answer too few', { kind: 'wrong-count' }, letIn),
  simulated('a fault in a 200', { kind: 'fault-in-200' }, letIn),
  simulated('a fault with an unknown code', { kind: 'fault-in-200', code: 'ErrorOfTomorrow' }, letIn),
  simulated(
    'an unknown busy type',
    { kind: 'unknown-busy-type' },
    { cutsOff: [], check: 'free-busy warning', blurs: 'entries', backOff: 8 * MINUTE, sparesStreams: true },
  ),
  simulated('nothing listens', { kind: 'refuse-connections' }, { check: 'http error' }),
];
