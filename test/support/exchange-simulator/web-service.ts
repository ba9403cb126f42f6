import type { HttpAnswer } from './http-answer.ts';
import type { Operations } from './operation.ts';
import type { SoapFault } from './soap.ts';
import type { SoapRequest } from './soap-request.ts';

/** A SOAP service at a path of the server: EWS, or one that stands beside it. */
export type WebService = {
  /** As in /EWS/Exchange.asmx; compared without regard to case. */
  readonly path: string;
  /** The namespace of the elements in the SOAP body. */
  readonly namespace: string;
  readonly operations: Operations;
  /**
   * Reads the envelope.
   *
   * @throws Refusal with the code of the fault that the server answers
   */
  readonly read: (xml: string) => SoapRequest;
  /** What the official schemas have against a request. */
  readonly validate: (xml: string) => readonly string[];
  /** Whether an application that acts for itself has to impersonate a mailbox. */
  readonly appsImpersonate?: true;
  /** What is answered to everyone, known or not; undefined: nothing in particular. */
  readonly intercept?: () => HttpAnswer | undefined;
  /** What a refused request is answered. Default: the fault of EWS */
  readonly fault?: (content: SoapFault) => HttpAnswer;
};
