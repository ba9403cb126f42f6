// Limits that are narrower than elsewhere, and a throttling policy that leaves nothing: others use the same account, or
// an administrator was careful.

import { DAY, HOUR, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import type { ServerLimits } from '../../support/exchange-simulator/exchange-simulator.ts';
import { PEOPLE } from './exchange.ts';
import type { Fault } from './fault.ts';

function limited(name: string, limits: Partial<ServerLimits>, more: Partial<Fault> = {}): Fault {
  const begin: Fault['begin'] = ({ simulator }) => void Object.assign(simulator.limits, limits);
  return { name: `limits: ${name}`, begin, sparesStreams: true, ...more };
}

export const limitFaults: readonly Fault[] = [
  limited(
    'the budget is overdrawn',
    { budget: { burst: -10 * MINUTE, rechargeRate: HOUR, cutoffBalance: 5 * MINUTE } },
    { cutsOff: PEOPLE, check: 'free-busy error', wantsRest: 10 * MINUTE },
  ),
  limited(
    'the budget pays for a request every three minutes',
    { budget: { burst: 0, rechargeRate: HOUR / 4, cutoffBalance: 0, cost: 45 * SECOND } },
    { check: 'version error', keepsSubscription: true },
  ),
  limited(
    'others have all requests that the account may make',
    { concurrency: 0 },
    {
      cutsOff: PEOPLE,
      check: 'free-busy error',
    },
  ),
  limited('one request at a time', { concurrency: 1 }, { isAbsorbed: true, check: 'version info' }),
  limited('one mailbox a request', { mailboxes: 1 }, { isAbsorbed: true, check: 'version info' }),
  limited('a time window of 42 days', { window: 42 * DAY }, { isAbsorbed: true, check: 'version info' }),
  limited('a time window of a day', { window: 24 * HOUR }, { cutsOff: PEOPLE, check: 'version error' }),
];
