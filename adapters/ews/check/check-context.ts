import type { Mailbox } from '../../../component/directory/directory.ts';
import type { Clock } from '../../../component/runtime/clock.ts';
import type { Logger } from '../../../component/runtime/logger.ts';
import type { Credentials } from '../http/authentication.ts';
import type { EwsLimits, EwsTransport } from '../http/ews-transport.ts';
import type { HttpProxy } from '../http/proxy.ts';
import type { AccountTurns } from './account-turns.ts';

/** What is to be checked, as it is configured. */
export type ServerCheckOptions = {
  readonly url: string;
  readonly credentials: Credentials;
  readonly ca?: string | undefined;
  readonly proxy?: HttpProxy | undefined;
  readonly limits?: Partial<EwsLimits> | undefined;
  readonly account: AccountTurns;
  /** With NTLM over TLS: whether the log-on is bound to the connection. */
  readonly channelBinding?: boolean | undefined;
  /** The mailbox whose free/busy is asked for; undefined: only whether the account is let in is asked. */
  readonly mailbox: Mailbox | undefined;
  /** A mail domain of the server. */
  readonly domain?: string | undefined;
  /** The mailbox in whose name free/busy is asked. */
  readonly impersonate?: Mailbox | undefined;
  readonly impersonation?: boolean | undefined;
  /** Whether change notifications are on. */
  readonly notifications?: boolean | undefined;
  readonly automaticReplies?: boolean | undefined;
  /** How long to wait for the first word of a notification stream, in milliseconds. Default: 20,000. */
  readonly streamLimit?: number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

/** What the steps that log on have in common. */
export type AccountContext = ServerCheckOptions & {
  readonly transport: EwsTransport;
  /** How long one request may take, in milliseconds. */
  readonly requestLimit: number;
};

/** A mailbox that there is not: asking for it shows whether the account is let in as well as any. */
export function nobody({ domain = 'example.invalid' }: ServerCheckOptions): Mailbox {
  return `presence-gateway-check@${domain}`;
}
