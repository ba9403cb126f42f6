import type { FreeBusyAnswer } from '../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../component/calendar/calendar-source-error.ts';
import type { Mailbox } from '../../component/directory/directory.ts';
import { type Clock, DAY } from '../../component/runtime/clock.ts';
import type { Logger } from '../../component/runtime/logger.ts';
import type { Credentials } from './authentication.ts';
import type { CheckFinding } from './check-finding.ts';
import { callEwsLibrary } from './ews-library.ts';
import { createEwsTransport, defaultEwsLimits, type EwsLimits, type EwsTransport } from './ews-transport.ts';
import { askFreeBusy } from './free-busy-request.ts';
import { checkConnect, checkResolve, checkTls, type NetworkTarget } from './network-check.ts';
import { describeVersion } from './server-version.ts';

export type ServerCheckOptions = {
  readonly url: string;
  readonly credentials: Credentials;
  readonly ca?: string | undefined;
  /** The mailbox whose free/busy is asked for. */
  readonly mailbox: Mailbox;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<EwsLimits> | undefined;
  readonly signal: AbortSignal;
};

/**
 * Checks a configured server step by step: name, connection, TLS, log-on, free/busy of one mailbox, version.
 *
 * Findings come as they are made. After a step that the others depend on has failed, none follows: there is one
 * log-on at most with a wrong password. A finding names the mailbox and the hosts, never the secret.
 *
 * @throws RangeError when URL or certificates can't be used; the signal's reason when aborted
 */
export async function* checkServer(options: ServerCheckOptions): AsyncGenerator<CheckFinding, void, void> {
  const limits = { ...defaultEwsLimits, ...options.limits };
  const transport = createEwsTransport({ ...options, connections: 1 });
  const target: NetworkTarget = {
    url: new URL(transport.url),
    ca: options.ca,
    limit: limits.connect,
    clock: options.clock,
    signal: options.signal,
  };
  try {
    for (const check of [checkResolve, checkConnect, checkTls]) {
      const finding = await check(target);
      options.signal.throwIfAborted();
      yield finding;
      if (!finding.ok) return;
    }
    const { findings, isServed } = await askForMailbox(options, transport);
    for (const finding of findings) yield finding;
    if (isServed) yield await checkVersion(options, transport, limits.request);
  } finally {
    await transport.close();
  }
}

/** One request shows two things: whether the account is let in, and whether it may see the mailbox. */
async function askForMailbox(
  options: ServerCheckOptions,
  transport: EwsTransport,
): Promise<{ findings: CheckFinding[]; isServed: boolean }> {
  const { clock, logger, mailbox, signal } = options;
  const now = clock.now();
  let answer: FreeBusyAnswer | undefined;
  try {
    const context = { transport, clock, logger, knownOddities: new Set<string>() };
    [answer] = await askFreeBusy(context, [mailbox], { start: now, end: now + DAY }, signal);
  } catch (error) {
    if (!(error instanceof CalendarSourceError)) throw error;
    // A ResponseCode comes from EWS itself: whoever gets one was let in.
    const letIn = error.code?.startsWith('Error') === true && error.kind !== 'unauthorized';
    const failed = { ok: false, seen: error.message, advice: adviceFor(error, mailbox) } as const;
    const findings: CheckFinding[] = letIn
      ? [accepted(options.credentials), { step: 'free-busy', ...failed }]
      : [{ step: 'authenticate', ...failed }];
    return { findings, isServed: false };
  }
  return { findings: [accepted(options.credentials), freeBusyFinding(mailbox, answer)], isServed: true };
}

function accepted({ scheme }: Credentials): CheckFinding {
  return { step: 'authenticate', ok: true, seen: `the account is accepted (${scheme} authentication)` };
}

function freeBusyFinding(mailbox: Mailbox, answer: FreeBusyAnswer | undefined): CheckFinding {
  if (answer === undefined || 'error' in answer) {
    const error = answer?.error ?? new CalendarSourceError('malformed', 'No answer');
    const seen = `${mailbox}: ${error.code ?? error.message}`;
    return { step: 'free-busy', ok: false, seen, advice: adviceFor(error, mailbox) };
  }
  if (answer.periods.some(({ status }) => status === 'NoData')) {
    const seen = `${mailbox}: Exchange has no free/busy data`;
    return { step: 'free-busy', ok: false, seen, advice: ADVICE_RIGHTS };
  }
  const entries = answer.periods.length === 1 ? '1 entry' : `${answer.periods.length} entries`;
  return { step: 'free-busy', ok: true, seen: `${mailbox}: ${entries} in the next 24 hours` };
}

/** The server's version by ews-javascript-api, which thereby shows that it, too, can speak to this server. */
async function checkVersion(
  { mailbox, clock, signal }: ServerCheckOptions,
  transport: EwsTransport,
  limit: number,
): Promise<CheckFinding> {
  const now = clock.now();
  try {
    const version = await callEwsLibrary({ transport, clock, limit, signal }, async (service, ews) => {
      const at = (instant: number) => new ews.DateTime(instant, ews.DateTimeKind.Utc);
      // Whole days, and two of them: the library cuts the times of day off, and refuses a window without a length.
      const window = new ews.TimeWindow(at(now), at(now + 2 * DAY));
      const options = new ews.AvailabilityOptions();
      // Its default asks for subjects and places.
      options.RequestedFreeBusyView = ews.FreeBusyViewType.FreeBusy;
      await service.GetUserAvailability(
        [new ews.AttendeeInfo(mailbox)],
        window,
        ews.AvailabilityData.FreeBusy,
        options,
      );
      return service.ServerInfo;
    });
    return version === null || version === undefined
      ? { step: 'version', ok: true, seen: 'the server does not say' }
      : { step: 'version', ok: true, seen: describeVersion(version) };
  } catch (error) {
    if (!(error instanceof CalendarSourceError)) throw error;
    return { step: 'version', ok: false, seen: error.message, advice: adviceFor(error, mailbox) };
  }
}

const ADVICE_RIGHTS =
  'Give the account free/busy rights: Add-MailboxFolderPermission -Identity <mailbox>:\\Calendar -User <account> ' +
  '-AccessRights AvailabilityOnly (or let the Default user have them)';

/** What an administrator can do about a failure. */
function adviceFor(error: CalendarSourceError, mailbox: Mailbox): string {
  switch (error.kind) {
    case 'unauthorized':
      return (
        'Check user name (DOMAIN\\name or name@domain) and password, and that the account is not locked. Basic ' +
        'authentication must be on: Set-WebServicesVirtualDirectory -BasicAuthentication $true'
      );
    case 'access-denied':
      return error.code === undefined
        ? 'Check Get-OrganizationConfig and Get-CASMailbox for EwsEnabled and the EWS application policy, and whether ' +
            'the proxy before Exchange lets this machine through'
        : ADVICE_RIGHTS;
    case 'mailbox-not-found':
      return `Check the address ${mailbox}, and that this server serves it; try another mailbox`;
    case 'throttled':
      return 'Wait and check again; if it lasts, give the account a throttling policy of its own (New-ThrottlingPolicy)';
    case 'blocked':
      return 'Set-OrganizationConfig -EwsEnabled $true and the allow list for a respite; plan the move to Microsoft Graph';
    case 'malformed':
      return 'Open the EWS address in a browser: after the log-in a page on services.wsdl or ExchangeService must appear';
    case 'unreachable':
      return 'Check that the Exchange services and the IIS application pool MSExchangeServicesAppPool run';
  }
}
