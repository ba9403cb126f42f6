// What a well-formed request is answered: the truth of the simulator's world, or what the faults make of it.
// docs: EWS throttling in Exchange, https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange

import type { Faults, RequestFault } from './faults.ts';
import { type HttpAnswer, htmlAnswer, loginPage, XML } from './http-answer.ts';
import type { Asked, Caller, Operation } from './operation.ts';
import { type SoapFault, writeFault } from './soap.ts';

const BUSY = 'The server has no time for this request now.';

/** The answer to a request that Exchange would accept; `hang`: there is none, ever. */
export function answerToRequest(
  fault: RequestFault | undefined,
  operation: Operation,
  request: Asked,
  caller: Caller,
  faults: Faults,
): HttpAnswer | 'hang' {
  const soapFault = (status: number, content: SoapFault): HttpAnswer => ({
    status,
    headers: XML,
    body: writeFault(faults.style, content),
  });
  const inManner = (manner: NonNullable<HttpAnswer['manner']>): HttpAnswer | 'hang' => {
    const answer = operation.answer(request, caller, undefined);
    return answer === 'hang' ? answer : { ...answer, manner };
  };

  switch (fault?.kind) {
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
      return operation.refuse(request, { code: 'ErrorServerBusy', message: BUSY, values });
    }
    case 'too-many-connections':
      return soapFault(500, {
        code: 'ErrorExceededConnectionCount',
        message: 'The account has too many requests open.',
        values: [
          ['Policy', fault.policy ?? 'MaxConcurrency'],
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
      return inManner('cut');
    case 'hang':
      return 'hang';
    case 'slow-body':
      return inManner({ pieces: fault.pieces ?? 20, pause: fault.pause ?? 50 });
    case 'fault-in-200': {
      const { code = 'ErrorInternalServerError', message = 'The server could not finish this request.' } = fault;
      return soapFault(200, { code, message });
    }
    default:
      return operation.answer(request, caller, fault);
  }
}
