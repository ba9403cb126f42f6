import type { IncomingMessage } from 'node:http';
import type { HttpAnswer } from './http-answer.ts';
import type { Authorization } from './request-log.ts';

export type Authenticated = {
  readonly authorization: Authorization;
  /** The name of the account, or the application; '' when it is not known. */
  readonly account: string;
  /** An application that acts for itself, and may be whom it likes. */
  readonly isApplication?: true;
  /** What is answered instead of the request. */
  readonly answer?: HttpAnswer;
};

/** Who is asking: what stands before all that the server does. */
export interface Authenticator {
  /** Called for each request whose body has arrived. */
  authenticate(request: IncomingMessage): Promise<Authenticated>;
  /** The 401 with which a server asks who it is. */
  challenge(): HttpAnswer;
}
