import type { FreeBusyAnswer } from '../../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { TimeWindow } from '../../../component/calendar/timeline.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import { DAY } from '../../../component/runtime/clock.ts';
import { askFreeBusy } from '../free-busy-request.ts';
import type { Credentials } from '../http/authentication.ts';
import { isFromWithin } from './account-turns.ts';
import { ADVICE_SAMPLE, adviceOnRights, failed } from './advice.ts';
import { type AccountContext, nobody } from './check-context.ts';
import type { CheckFinding } from './check-finding.ts';
import type { ThrottlingSigns } from './throttling-signs.ts';

export type Asked = {
  readonly findings: readonly CheckFinding[];
  /** Whether the server has answered the question. */
  readonly isServed: boolean;
  /** Whether there is such a mailbox, and here. */
  readonly hasMailbox: boolean;
};

const ADVICE_KIND = 'During these nothing is shown of the person. Look for a newer version of the gateway';

/** One request shows two things: whether the account is let in, and whether it may see the mailbox. */
export async function askForMailbox(context: AccountContext, signs: ThrottlingSigns): Promise<Asked> {
  const { clock, mailbox, signal, account } = context;
  const { scheme } = context.credentials;
  const now = clock.now();
  const window = { start: now, end: now + DAY };
  let answer: FreeBusyAnswer | undefined;
  try {
    const request = { ...context, knownOddities: new Set<string>() };
    [answer] = await account.run(signal, () => askFreeBusy(request, [mailbox ?? nobody(context)], window, signal));
  } catch (error) {
    if (!(error instanceof CalendarSourceError)) throw error;
    signs.failed(error);
    // What EWS itself says, it says to whom it has let in.
    const findings =
      signs.isLetIn || isFromWithin(error)
        ? [accepted(context), failed('free-busy', error, { scheme, mailbox })]
        : [failed('authenticate', error, { scheme, mailbox })];
    return { findings, isServed: false, hasMailbox: false };
  }
  const finding: CheckFinding =
    mailbox === undefined
      ? {
          step: 'free-busy',
          severity: 'info',
          seen: 'not checked: no mailbox of this server is named',
          advice: ADVICE_SAMPLE,
        }
      : freeBusyFinding(mailbox, answer, scheme, window);
  const kind = answer !== undefined && 'error' in answer ? answer.error.kind : undefined;
  const hasMailbox = kind !== 'mailbox-not-found' && kind !== 'wrong-server';
  return { findings: [accepted(context), finding], isServed: true, hasMailbox };
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
  window: TimeWindow,
): CheckFinding {
  if (answer === undefined || 'error' in answer) {
    const error = answer?.error ?? new CalendarSourceError('malformed', 'No answer');
    const finding = failed('free-busy', error, { scheme, mailbox });
    return { ...finding, seen: `${mailbox}: ${error.code ?? error.message}` };
  }
  const unknown = answer.periods.filter(({ status }) => status === 'NoData');
  if (unknown.some(({ start, end }) => start <= window.start && end >= window.end)) {
    const seen = `${mailbox}: Exchange has no free/busy data`;
    return { step: 'free-busy', severity: 'error', seen, advice: adviceOnRights(mailbox) };
  }
  const { length } = answer.periods;
  const entries = length === 1 ? '1 entry' : `${length === 0 ? 'no' : length} entries`;
  const seen = `${mailbox}: ${entries} in the next 24 hours`;
  return unknown.length === 0
    ? { step: 'free-busy', severity: 'ok', seen }
    : {
        step: 'free-busy',
        severity: 'warning',
        seen: `${seen}, ${unknown.length} of a kind that is unknown here`,
        advice: ADVICE_KIND,
      };
}
