import type { Mailbox } from '../../component/directory/directory.ts';
import { isMailbox, isMailLocal } from '../../config/schema/values.ts';
import type { Configuration } from '../../config/schema.ts';
import type { ExchangeServer } from './exchange-servers.ts';
import { type MailboxRoutes, mailboxRoutes } from './mailbox-routes.ts';

export type CheckOptions = {
  readonly mailbox: string | undefined;
  /** The names of the servers to check; none: all of them, and the XMPP leg. */
  readonly servers: readonly string[];
  readonly json: boolean;
};

/** What is wrong with the options of a check, for whom it is to be told; undefined: nothing. */
export function whatMakesNoSense(
  { mailbox, servers: names }: CheckOptions,
  configuration: Configuration,
  asked: readonly ExchangeServer[],
): string | undefined {
  const { servers } = configuration.exchange;
  const unknown = names.find((name) => !servers.some((server) => server.name === name));
  if (unknown !== undefined) {
    return `there is no server “${unknown}”; configured are ${servers.map(({ name }) => name).join(', ')}`;
  }
  if (mailbox === undefined) return undefined;
  const [local = '', domain = ''] = mailbox.split('@');
  if (!isMailbox(mailbox)) {
    return `--mailbox takes a whole mail address, and not “${mailbox}”${meant(configuration, local)}`;
  }
  if (domain === configuration.xmpp.domain && !servers.some(({ domains }) => domains?.includes(domain))) {
    return `${mailbox} is a contact; --mailbox takes the address of the mailbox${meant(configuration, local)}`;
  }
  // Not passed over: who names a mailbox would take the others' success for its own.
  const [chosen, ...next] = serversFor(mailbox, mailboxRoutes(servers));
  if (chosen === undefined) {
    return `no server is configured for ${mailbox}: none has its address or domain in mailboxes or domains`;
  }
  return [chosen, ...next].some((server) => asked.includes(server))
    ? undefined
    : `${mailbox} is on ${chosen.name}, which --server leaves out`;
}

/** The servers that the gateway asks for a mailbox: the first one; and, should it have left there, the next. */
export function serversFor(mailbox: Mailbox, routes: MailboxRoutes<ExchangeServer>): readonly ExchangeServer[] {
  const found: ExchangeServer[] = [];
  for (let next = routes(mailbox); next !== undefined && !found.includes(next); next = routes(mailbox, next)) {
    found.push(next);
  }
  return found;
}

/** The mailbox that a contact's name stands for. */
function meant({ directory: { rule, contacts } }: Configuration, local: string): string {
  const mailbox = contacts.get(local) ?? rule?.replace('{local}', local);
  return isMailLocal(local) && mailbox !== undefined ? `; did you mean ${mailbox}?` : ', as in alice@example.com';
}
