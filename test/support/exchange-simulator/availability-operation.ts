// GetUserAvailability, from the element in the request's body to the answer.
// docs: GetUserAvailability operation, https://learn.microsoft.com/exchange/client-developer/web-service-reference/getuseravailability-operation

import { type MailboxResult, resultFor, writeAvailability } from './availability-answer.ts';
import { type AvailabilityLimits, type AvailabilityRequest, readAvailabilityRequest } from './availability-request.ts';
import type { Calendars } from './calendars.ts';
import type { Faults } from './faults.ts';
import { type HttpAnswer, XML } from './http-answer.ts';
import type { Operation } from './operation.ts';
import type { Host, Organisation } from './organisation.ts';

export type AvailabilityWorld = {
  readonly calendars: Calendars;
  readonly faults: Faults;
  readonly organisation: Organisation;
  readonly host: Host;
  readonly limits: Readonly<AvailabilityLimits>;
};

export function getUserAvailability(world: AvailabilityWorld): Operation<AvailabilityRequest> {
  const { calendars, faults, organisation, host, limits } = world;

  function write(request: AvailabilityRequest, results: readonly MailboxResult[], busyType?: string): HttpAnswer {
    return { status: 200, headers: XML, body: writeAvailability(faults.style, request.zone, results, busyType) };
  }

  function resultOf(mailbox: string, request: AvailabilityRequest): MailboxResult {
    const fault = faults.takeMailboxFault(mailbox, 'GetUserAvailabilityRequest');
    if (fault !== undefined) {
      return { error: { code: fault.code, message: fault.message ?? `No free/busy for ${mailbox}.` } };
    }
    const error = organisation.errorFor(mailbox, host);
    return error === undefined ? resultFor(calendars, mailbox, request.window) : { error };
  }

  return {
    read(element, caller) {
      return readAvailabilityRequest(element, caller.zone, limits);
    },
    answer(request, _caller, fault) {
      const redirect = organisation.redirectFor(request.mailboxes, host);
      if (redirect !== undefined) return redirect;
      const results = request.mailboxes.map((mailbox) => resultOf(mailbox, request));
      if (fault?.kind === 'wrong-count') return write(request, results.slice(0, -1));
      if (fault?.kind === 'unknown-busy-type') return write(request, results, fault.busyType ?? 'Focusing');
      return write(request, results);
    },
    refuse(request, error) {
      return write(
        request,
        request.mailboxes.map(() => ({ error })),
      );
    },
  };
}
