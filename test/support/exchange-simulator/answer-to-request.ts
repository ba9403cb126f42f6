// What a well-formed request is answered: the truth of the calendars, or what the faults make of it.
// docs: EWS throttling in Exchange, https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange

import { type MailboxResult, resultFor, writeAvailability } from './availability-answer.ts';
import type { AvailabilityRequest } from './availability-request.ts';
import type { Calendars } from './calendars.ts';
import type { Faults, RequestFault } from './faults.ts';
import { type HttpAnswer, htmlAnswer, loginPage, type Manner, unauthorized, XML } from './http-answer.ts';
import { type SoapFault, writeFault } from './soap.ts';

const BUSY = 'The server has no time for this request now.';

/** The answer to a request that Exchange would accept; `hang`: there is none, ever. */
export function answerToRequest(
  fault: RequestFault | undefined,
  request: AvailabilityRequest,
  calendars: Calendars,
  faults: Faults,
): HttpAnswer | 'hang' {
  const soapFault = (status: number, content: SoapFault): HttpAnswer => ({
    status,
    headers: XML,
    body: writeFault(faults.style, content),
  });
  const results = (): MailboxResult[] =>
    request.mailboxes.map((mailbox) => resultOf(mailbox, request, calendars, faults));
  const availability = (all: readonly MailboxResult[], manner: Manner = 'whole', busyType?: string): HttpAnswer => ({
    status: 200,
    headers: XML,
    body: writeAvailability(faults.style, request.zone, all, busyType),
    manner,
  });

  switch (fault?.kind) {
    case undefined:
      return availability(results());
    case 'unauthorized':
      return unauthorized();
    case 'blocked': {
      const reason = fault.reason ?? 'EWS is disabled for this tenant';
      return htmlAnswer(403, '403 - Forbidden: Access is denied.', { 'x-ews-policy-reason': reason });
    }
    case 'unavailable': {
      const retryAfter = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
      return htmlAnswer(503, 'Service Unavailable', retryAfter);
    }
    case 'busy-fault': {
      const backOff = ['BackOffMilliseconds', String(fault.backOff ?? 30_000)] as const;
      const others = [
        ['ThrottlingPolicy', 'EwsPercentTimeInCAS'],
        ['BudgetOwner', 'Sid~EXAMPLE\\gateway~EWS~false'],
      ] as const;
      const isFirst = (fault.position ?? faults.nextBackOffPosition()) === 'first';
      const values = isFirst ? [backOff] : [...others, backOff];
      return soapFault(500, { code: 'ErrorServerBusy', message: BUSY, values });
    }
    case 'busy-in-200': {
      const values = fault.backOff === undefined ? [] : ([['BackOffMilliseconds', String(fault.backOff)]] as const);
      const error: SoapFault = { code: 'ErrorServerBusy', message: BUSY, values };
      return availability(request.mailboxes.map(() => ({ error })));
    }
    case 'too-many-connections':
      return soapFault(500, {
        code: 'ErrorExceededConnectionCount',
        message: 'The account has too many requests open.',
        values: [
          ['Policy', 'MaxConcurrency'],
          ['BackOffMilliseconds', '0'],
        ],
      });
    case 'html':
      return loginPage();
    case 'html-error':
      return htmlAnswer(500, '500 - Internal server error.');
    case 'empty-500':
      return { status: 500 };
    case 'redirect':
      return htmlAnswer(302, 'Object moved', { location: '/owa/auth/logon.aspx?replaceCurrent=1&reason=0' });
    case 'cut-body':
      return availability(results(), 'cut');
    case 'hang':
      return 'hang';
    case 'slow-body':
      return availability(results(), { pieces: fault.pieces ?? 20, pause: fault.pause ?? 50 });
    case 'wrong-count':
      return availability(results().slice(0, -1));
    case 'fault-in-200': {
      const { code = 'ErrorInternalServerError', message = 'The server could not finish this request.' } = fault;
      return soapFault(200, { code, message });
    }
    case 'unknown-busy-type':
      return availability(results(), 'whole', fault.busyType ?? 'Focusing');
  }
}

function resultOf(mailbox: string, request: AvailabilityRequest, calendars: Calendars, faults: Faults): MailboxResult {
  const fault = faults.takeMailboxFault(mailbox);
  if (fault === undefined) return resultFor(calendars, mailbox, request.window);
  return { error: { code: fault.code, message: fault.message ?? `No free/busy for ${mailbox}.` } };
}
