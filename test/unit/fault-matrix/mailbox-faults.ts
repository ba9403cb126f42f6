// Faults of one mailbox, Dave's: the others must not notice.

import { MINUTE } from '../../../component/runtime/clock.ts';
import { addressOf } from './exchange.ts';
import type { Fault } from './fault.ts';

const dave = addressOf('dave');
const SOON = 5.5 * MINUTE;
const PATIENT = 33 * MINUTE;

/** An error in its place. */
function says(code: string, backOff: number): Fault {
  return {
    name: `${code} for one mailbox`,
    begin: ({ simulator }) =>
      simulator.faults.set({ kind: 'mailbox-error', mailbox: dave, code, operation: 'GetUserAvailabilityRequest' }),
    cutsOff: ['dave'],
    check: 'free-busy error',
    sparesStreams: true,
    backOff,
  };
}

/** Every request that has it fails as a whole. */
function poisons(name: string, status: number, body: string): Fault {
  return {
    name,
    begin: ({ front }) => {
      front.weather = {
        answer: ({ operation, body: asked }, response) => {
          if (operation !== 'GetUserAvailabilityRequest' || !asked.includes(dave)) return false;
          response.writeHead(status, { 'content-type': 'text/xml' }).end(body);
          return true;
        },
      };
    },
    cutsOff: ['dave'],
    check: 'free-busy error',
    sparesStreams: true,
    backOff: PATIENT,
  };
}

const soapFault = (code: string): string =>
  '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Server</faultcode>' +
  '<faultstring>No</faultstring><detail><e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">' +
  `${code}</e:ResponseCode></detail></s:Fault></s:Body></s:Envelope>`;

export const mailboxFaults: readonly Fault[] = [
  {
    name: 'ErrorNoFreeBusyAccess for one mailbox',
    begin: ({ simulator }) => simulator.calendars.addMailbox(dave, { access: 'none' }),
    end: ({ simulator }) => simulator.calendars.addMailbox(dave, { access: 'free-busy' }),
    cutsOff: ['dave'],
    check: 'free-busy error',
    sparesStreams: true,
    backOff: PATIENT,
  },
  {
    name: 'one mailbox is gone',
    begin: ({ simulator }) => simulator.calendars.removeMailbox(dave),
    end: ({ simulator }) => simulator.calendars.addMailbox(dave),
    cutsOff: ['dave'],
    check: 'free-busy error',
    sparesStreams: true,
    backOff: PATIENT,
  },
  says('ErrorProxyRequestNotAllowed', SOON),
  says('ErrorMailboxLogonFailed', SOON),
  says('ErrorFreeBusyGenerationFailed', SOON),
  says('ErrorResultSetTooBig', PATIENT),
  says('ErrorOfTomorrow', PATIENT),
  poisons('a mailbox that poisons its batch', 500, soapFault('ErrorInternalServerError')),
  { ...poisons('a mailbox that breaks its batch’s answer', 200, '<html>'), check: 'authenticate error' },
];
