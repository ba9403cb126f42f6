// What every operation of the simulator has in common: adding one is adding a file, and a line in ews-operations.ts.

import type { IncomingHttpHeaders } from 'node:http';
import type { RequestFault } from './faults.ts';
import type { HttpAnswer } from './http-answer.ts';
import type { SoapFault } from './soap.ts';
import type { TimeZone } from './time-zone.ts';
import type { XmlElement } from './xml-element.ts';

/** Who asks, for whom, and where the request has landed. */
export type Caller = {
  /** The name of the account that was authenticated. */
  readonly account: string;
  /** The address in ExchangeImpersonation, in lower case. */
  readonly impersonated: string | undefined;
  /** The zone of a TimeZoneContext header. */
  readonly zone: TimeZone | undefined;
  readonly headers: IncomingHttpHeaders;
  /** The number of the backend that serves the request, from 0. */
  readonly backend: number;
};

/** What the log of requests says of a request that was understood. */
export type Asked = {
  /** The addresses asked about, in their order. */
  readonly mailboxes?: readonly string[];
  /** Epoch milliseconds. */
  readonly window?: { readonly start: number; readonly end: number };
};

/** One operation of a web service. */
export interface Operation<Request extends Asked = Asked> {
  /** Its answer stays open, and is charged to the budget for such connections. */
  readonly isStream?: boolean;

  /**
   * Reads the element in the SOAP body, as strictly as Exchange does.
   *
   * @throws Refusal with the code of the fault that Exchange answers
   */
  read(element: XmlElement, caller: Caller): Request;

  /**
   * The answer, by the truth of the simulator's world; `hang`: there is none, ever.
   *
   * @param fault one of the faults that only this operation knows how to make
   * @throws Refusal, which becomes a SOAP fault with HTTP 500
   */
  answer(request: Request, caller: Caller, fault: RequestFault | undefined): HttpAnswer | 'hang';

  /** The answer with HTTP 200 in which each response message has this error. */
  refuse(request: Request, error: SoapFault): HttpAnswer;
}

/** The operations of a web service, by the local name of the element in the SOAP body. */
export type Operations = ReadonlyMap<string, Operation>;
