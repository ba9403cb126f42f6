import type { FreeBusyAnswer } from '../../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import { type Clock, DAY } from '../../../component/runtime/clock.ts';
import type { Logger } from '../../../component/runtime/logger.ts';
import type { Credentials } from '../authentication.ts';
import { callEwsLibrary } from '../ews-library.ts';
import { createEwsTransport, defaultEwsLimits, type EwsLimits, type EwsTransport } from '../ews-transport.ts';
import { askFreeBusy } from '../free-busy-request.ts';
import type { HttpProxy } from '../proxy.ts';
import { type AccountTurns, isFromWithin } from './account-turns.ts';
import { ADVICE_RIGHTS, failed } from './advice.ts';
import { checkAutomaticReplies } from './automatic-replies-check.ts';
import type { CheckFinding, Findings } from './check-finding.ts';
import { checkHttp } from './http-check.ts';
import { checkImpersonation } from './impersonation-check.ts';
import { checkNetwork, targetOf } from './network-check.ts';
import { adviceOnVersion, describeVersion } from './server-version.ts';
import { ThrottlingSigns } from './throttling-signs.ts';
import { checkToken } from './token-check.ts';

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

/**
 * Checks a server at its address, step by step, as far as what is configured for it goes.
 *
 * Findings come as they are made. After a step that the others depend on has failed, none follows: there is one log-on
 * at most with a wrong password. Each step has a limit. A finding names the mailbox and the hosts, never a secret.
 *
 * @throws RangeError when the URL, the certificates or the proxy can't be used; the signal's reason when aborted
 */
export async function* checkServer(options: ServerCheckOptions): Findings {
  const limits = { ...defaultEwsLimits, ...options.limits };
  const inner = createEwsTransport({ ...options, connections: 2 });
  const url = new URL(inner.url);
  const signs = new ThrottlingSigns();
  const context = { ...options, transport: signs.watch(inner), requestLimit: limits.request };
  const { ca, proxy, clock, signal } = options;
  const { scheme } = options.credentials;
  const tls = url.protocol === 'https:' ? { ca } : undefined;
  const before = [
    () => checkNetwork({ ...targetOf(url), tls, proxy, limit: limits.connect, clock, signal }),
    () => checkHttp({ url, scheme, ca, proxy, clock, signal }),
  ];
  try {
    for (const check of before) {
      for await (const finding of check()) {
        yield finding;
        if (finding.severity === 'error') return;
      }
    }
    yield* checkAccount(context, signs);
    if (signs.finding !== undefined) yield signs.finding;
  } finally {
    await inner.close();
  }
}

async function* checkAccount(context: AccountContext, signs: ThrottlingSigns): Findings {
  for await (const finding of checkToken(context)) {
    yield finding;
    if (finding.severity === 'error') return;
  }
  const { findings, isServed, hasMailbox } = await askForMailbox(context, signs);
  for (const finding of findings) yield finding;
  if (!isServed) return;
  yield await checkVersion(context, signs);
  const further = hasMailbox ? context : { ...context, mailbox: undefined };
  yield* checkImpersonation(further, signs);
  if (context.automaticReplies === true) yield await checkAutomaticReplies(further, signs);
}

type Asked = {
  readonly findings: readonly CheckFinding[];
  /** Whether the server has answered the question. */
  readonly isServed: boolean;
  /** Whether there is such a mailbox, and here. */
  readonly hasMailbox: boolean;
};

/** One request shows two things: whether the account is let in, and whether it may see the mailbox. */
async function askForMailbox(context: AccountContext, signs: ThrottlingSigns): Promise<Asked> {
  const { clock, mailbox, signal, account } = context;
  const { scheme } = context.credentials;
  const now = clock.now();
  let answer: FreeBusyAnswer | undefined;
  try {
    const request = { ...context, knownOddities: new Set<string>() };
    const window = { start: now, end: now + DAY };
    [answer] = await account.run(signal, () => askFreeBusy(request, [mailbox ?? nobody(context)], window, signal));
  } catch (error) {
    if (!(error instanceof CalendarSourceError)) throw error;
    signs.failed(error);
    // What EWS itself says, it says to whom it has let in.
    const findings = isFromWithin(error)
      ? [accepted(context), failed('free-busy', error, { scheme, mailbox })]
      : [failed('authenticate', error, { scheme, mailbox })];
    return { findings, isServed: false, hasMailbox: false };
  }
  const finding: CheckFinding =
    mailbox === undefined
      ? { step: 'free-busy', severity: 'info', seen: 'not checked: it has no sampleMailbox' }
      : freeBusyFinding(mailbox, answer, scheme);
  const kind = answer !== undefined && 'error' in answer ? answer.error.kind : undefined;
  const hasMailbox = kind !== 'mailbox-not-found' && kind !== 'wrong-server';
  return { findings: [accepted(context), finding], isServed: true, hasMailbox };
}

/** A mailbox that there is not: asking for it shows whether the account is let in as well as any. */
function nobody({ domain = 'example.invalid' }: AccountContext): Mailbox {
  return `presence-gateway-check@${domain}`;
}

function accepted({ credentials: { scheme }, channelBinding, transport }: AccountContext): CheckFinding {
  const isBound = channelBinding === true && transport.url.startsWith('https:');
  const how = {
    basic: 'Basic authentication',
    ntlm: `NTLM, ${isBound ? 'bound to the TLS connection' : 'without channel binding'}`,
    oauth: 'OAuth',
  }[scheme];
  return { step: 'authenticate', severity: 'ok', seen: `the account is accepted (${how})` };
}

function freeBusyFinding(
  mailbox: Mailbox,
  answer: FreeBusyAnswer | undefined,
  scheme: Credentials['scheme'],
): CheckFinding {
  if (answer === undefined || 'error' in answer) {
    const error = answer?.error ?? new CalendarSourceError('malformed', 'No answer');
    const finding = failed('free-busy', error, { scheme, mailbox });
    return { ...finding, seen: `${mailbox}: ${error.code ?? error.message}` };
  }
  if (answer.periods.some(({ status }) => status === 'NoData')) {
    const seen = `${mailbox}: Exchange has no free/busy data`;
    return { step: 'free-busy', severity: 'error', seen, advice: ADVICE_RIGHTS };
  }
  const entries = answer.periods.length === 1 ? '1 entry' : `${answer.periods.length} entries`;
  return { step: 'free-busy', severity: 'ok', seen: `${mailbox}: ${entries} in the next 24 hours` };
}

/** The server's version by ews-javascript-api, which thereby shows that it, too, can speak to this server. */
async function checkVersion(context: AccountContext, signs: ThrottlingSigns): Promise<CheckFinding> {
  const { mailbox, clock, account, signal, requestLimit } = context;
  const now = clock.now();
  try {
    const call = { ...context, limit: requestLimit };
    const version = await account.run(signal, () =>
      callEwsLibrary(call, async (service, ews) => {
        const at = (instant: number) => new ews.DateTime(instant, ews.DateTimeKind.Utc);
        // Whole days, and two of them: the library cuts the times of day off, and refuses a window without a length.
        const window = new ews.TimeWindow(at(now), at(now + 2 * DAY));
        const options = new ews.AvailabilityOptions();
        // Its default asks for subjects and places.
        options.RequestedFreeBusyView = ews.FreeBusyViewType.FreeBusy;
        await service.GetUserAvailability(
          [new ews.AttendeeInfo(mailbox ?? nobody(context))],
          window,
          ews.AvailabilityData.FreeBusy,
          options,
        );
        return service.ServerInfo;
      }),
    );
    if (version === null || version === undefined) {
      return { step: 'version', severity: 'info', seen: 'the server does not say' };
    }
    const advice = adviceOnVersion(version);
    const seen = describeVersion(version);
    return advice === undefined
      ? { step: 'version', severity: 'ok', seen }
      : { step: 'version', severity: 'info', seen, advice };
  } catch (error) {
    if (!(error instanceof CalendarSourceError)) throw error;
    signs.failed(error);
    return failed('version', error, { scheme: context.credentials.scheme, mailbox });
  }
}
