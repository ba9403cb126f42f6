// Faults of change notifications: free/busy goes on, so nobody may notice anything but a delay.

import { MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import type { FaultSetting } from '../../support/exchange-simulator/faults.ts';
import { addressOf, type FaultyExchange } from './exchange.ts';
import type { Fault } from './fault.ts';

/** From now on each stream meets it with its next envelope. */
function streamed(name: string, setting: FaultSetting, more: Partial<Fault> = {}): Fault {
  const begin = ({ simulator }: FaultyExchange): void => {
    simulator.faults.set(setting);
    simulator.notifications.beat();
  };
  return { name, begin, sparesStreams: true, check: 'streaming error', ...more };
}

/** All subscriptions are lost, and what is done about it meets this. */
function resubscribing(name: string, setting: FaultSetting, more: Partial<Fault> = {}): Fault {
  const begin = ({ simulator }: FaultyExchange): void => {
    simulator.faults.set(setting);
    simulator.notifications.restart();
  };
  return { name, begin, sparesStreams: true, check: 'impersonation error', ...more };
}

/** All streams are cut, and what is done about it meets this. */
function reopening(name: string, setting: FaultSetting, more: Partial<Fault> = {}): Fault {
  return { name, begin: ({ simulator }) => simulator.faults.set(setting), check: 'streaming error', ...more };
}

/** Nothing is heard, and the watchdog takes its time. */
const unheard: Partial<Fault> = { lingers: 90 * SECOND, check: 'streaming warning' };
const GROWS = 30 * MINUTE;

export const streamingFaults: readonly Fault[] = [
  streamed('streams are cut within an envelope', { kind: 'stream-cut' }),
  streamed('streams are silent', { kind: 'stream-silent' }, unheard),
  streamed('garbage before each envelope', { kind: 'stream-garbage' }),
  streamed('streams end without Closed', { kind: 'stream-end' }),
  streamed('ErrorReadEventsFailed', { kind: 'stream-error' }),
  streamed('ErrorServerBusy in a stream', { kind: 'stream-error', code: 'ErrorServerBusy' }),
  reopening('streams begin late', { kind: 'stream-late', delay: 80_000 }, unheard),
  reopening('a page in place of a stream', { kind: 'html', operation: 'GetStreamingEvents' }),
  reopening('a stream with 503', { kind: 'unavailable', operation: 'GetStreamingEvents' }),
  reopening('a stream with 401, twice', { kind: 'unauthorized', operation: 'GetStreamingEvents', times: 2 }),
  reopening('a stream with 401, for ever', { kind: 'unauthorized', operation: 'GetStreamingEvents' }),
  reopening('a stream that hangs', { kind: 'hang', operation: 'GetStreamingEvents' }, unheard),
  reopening('too many streams', { kind: 'too-many-connections', operation: 'GetStreamingEvents' }, { backOff: GROWS }),
  {
    name: 'an envelope without an end',
    begin: (exchange) => {
      const megabyte = Buffer.alloc(1024 * 1024, ' ');
      exchange.front.weather = {
        answer: ({ operation }, response) => {
          if (operation !== 'GetStreamingEvents') return false;
          response
            .writeHead(200, { 'content-type': 'text/xml' })
            .write('<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">');
          const send = (): void => {
            exchange.noteMemory();
            if (!response.destroyed) response.write(megabyte, send);
          };
          send();
          return true;
        },
      };
    },
    isLarge: true,
    check: 'streaming error',
  },
  {
    name: 'the policy allows no streams',
    begin: ({ simulator }) => void Object.assign(simulator.limits, { hangingConnections: 0 }),
    check: 'streaming error',
    backOff: GROWS,
  },
  {
    name: 'the policy allows no subscriptions',
    begin: ({ simulator }) => {
      simulator.limits.subscriptions = 0;
      simulator.notifications.restart();
    },
    sparesStreams: true,
    check: 'impersonation error',
    backOff: GROWS,
  },
  resubscribing('Subscribe is busy', { kind: 'busy-fault', backOff: 60_000, operation: 'Subscribe' }),
  resubscribing(
    'Subscribe gets an empty 500',
    { kind: 'empty-500', operation: 'Subscribe' },
    { backOff: 12.5 * MINUTE },
  ),
  resubscribing('Subscribe gets 401, for ever', { kind: 'unauthorized', operation: 'Subscribe' }),
  resubscribing(
    'too many subscriptions',
    { kind: 'fault-in-200', code: 'ErrorExceededSubscriptionCount', operation: 'Subscribe' },
    { backOff: GROWS },
  ),
  {
    name: 'the subscriptions are lost',
    check: 'version info',
    begin: ({ simulator }) => simulator.notifications.restart(),
    sparesStreams: true,
  },
  {
    name: 'one subscription is lost while nobody listens',
    check: 'version info',
    begin: ({ simulator }) => simulator.notifications.loseMailbox(addressOf('bob')),
  },
  {
    name: 'a mailbox moves to another backend',
    check: 'version info',
    exchange: { backends: 2 },
    begin: ({ simulator }) => {
      for (const { mailbox, backend } of simulator.notifications.subscriptions) {
        if (mailbox === addressOf('bob')) simulator.notifications.moveMailbox(mailbox, 1 - backend);
      }
    },
    sparesStreams: true,
  },
  {
    name: 'the account may impersonate nobody any more',
    check: 'impersonation error',
    begin: (exchange) => {
      exchange.mayImpersonate = () => false;
      exchange.simulator.notifications.restart();
    },
    end: (exchange) => {
      exchange.mayImpersonate = () => true;
    },
    sparesStreams: true,
    backOff: 12.5 * MINUTE,
  },
  {
    name: 'the account may not impersonate one mailbox any more',
    check: 'impersonation error',
    begin: (exchange) => {
      exchange.mayImpersonate = (mailbox) => mailbox !== addressOf('dave');
      exchange.simulator.notifications.restart();
    },
    sparesStreams: true,
    listens: 3,
  },
];
