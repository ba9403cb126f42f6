import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { type Clock, type Instant, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { type DiscoveryNetwork, discoveryNetwork, type Head } from '../autodiscover/discovery-network.ts';
import type { Credentials } from '../http/authentication.ts';
import { withDeadline } from '../http/deadline.ts';
import type { HttpProxy } from '../http/proxy.ts';
import { adviceForOffer, failed } from './advice.ts';
import type { CheckFinding, Findings } from './check-finding.ts';

export type HttpCheckOptions = {
  readonly url: URL;
  readonly scheme: Credentials['scheme'];
  readonly ca: string | undefined;
  readonly proxy: HttpProxy | undefined;
  /** How long the answer may take, in milliseconds. */
  readonly limit: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

/** Kerberos, on which NTLM's time stamps depend, and tokens bear no more. */
const GREATEST_SKEW = 5 * MINUTE;

/**
 * Asks the address without saying who we are: what stands there, how one may log on, and what time it is there. No
 * account is involved, so none can be locked.
 *
 * It is an `error` when nothing answers or EWS is blocked; otherwise the log-on that follows decides.
 */
export async function* checkHttp(options: HttpCheckOptions): Findings {
  const { url, scheme, clock } = options;
  const network: DiscoveryNetwork = discoveryNetwork(options);
  let head: Head;
  const tooLate = () =>
    new CalendarSourceError('unreachable', `${url.host}: no answer in time: the server is overloaded or hangs`);
  const asked = clock.now();
  try {
    head = await withDeadline(options, tooLate, (ending) => network.get(url, ending));
  } catch (error) {
    if (!(error instanceof CalendarSourceError)) throw error;
    yield failed('http', error, { scheme, mailbox: undefined });
    return;
  }
  const answered = clock.now();
  const finding = httpFinding(head, scheme);
  yield finding;
  if (finding.severity !== 'error') yield clockFinding(head, { asked, answered });
}

function httpFinding({ status, headers }: Head, scheme: Credentials['scheme']): CheckFinding {
  const policy = headers.get('x-ews-policy-reason');
  if (status === 403 && policy !== undefined) {
    return {
      step: 'http',
      severity: 'error',
      seen: `HTTP 403: Exchange Online blocks EWS for this tenant or application (${policy.slice(0, 80)})`,
      advice:
        'Set-OrganizationConfig -EwsEnabled $true, and put the application on the EWS allow list; on 2027-04-01 EWS ' +
        'is removed for good: plan the move to Microsoft Graph',
    };
  }
  if (status === 401) return offerFinding(headers.get('www-authenticate') ?? '', scheme);
  const warn = (seen: string, advice: string): CheckFinding => ({ step: 'http', severity: 'warning', seen, advice });
  if (status >= 300 && status < 400) {
    const there = headers.get('location')?.replace(/[?#].*$/s, '') ?? 'nowhere';
    return warn(
      `HTTP ${status} to ${there.replace(/\/\/[^/@]*@/, '//').slice(0, 200)} instead of the question who we are`,
      'If that is a log-in page, have the proxy before Exchange let the EWS address through; otherwise give the address itself',
    );
  }
  if (status === 404 || status === 405 || status === 410) {
    return warn(
      `HTTP ${status}: there seems to be no EWS`,
      'Give the whole address; it usually ends in /EWS/Exchange.asmx',
    );
  }
  if (status === 403) return warn('HTTP 403', 'Check whether the proxy before Exchange lets this machine through');
  if (status >= 500)
    return warn(`HTTP ${status}`, 'Check that Exchange and what stands before it run, and are not busy');
  const isPage = /html/i.test(headers.get('content-type') ?? '');
  return warn(
    `HTTP ${status}${isPage ? ' with an HTML page' : ''} instead of the question who we are`,
    'Check the address. If this is a log-in page, have the proxy before Exchange let the EWS address through',
  );
}

const offeredAs: Readonly<Record<Credentials['scheme'], RegExp>> = {
  basic: /^basic$/i,
  ntlm: /^(ntlm|negotiate)$/i,
  oauth: /^bearer$/i,
};

function offerFinding(challenges: string, scheme: Credentials['scheme']): CheckFinding {
  const found = challenges.match(/(?<=^|[\s,])(Basic|NTLM|Negotiate|Bearer)(?=[\s,]|$)/gi) ?? [];
  const offered = [...new Set(found)];
  const seen = `HTTP 401, as it should be: it offers ${offered.join(', ') || 'no way to log on that is known here'}`;
  return offered.some((one) => offeredAs[scheme].test(one))
    ? { step: 'http', severity: 'ok', seen }
    : {
        step: 'http',
        severity: 'warning',
        seen: `${seen}, and not what is configured (${scheme})`,
        advice: adviceForOffer[scheme],
      };
}

/** The time of the server (RFC 9110 §6.6.1, whole seconds) against ours. */
function clockFinding({ headers }: Head, ours: { readonly asked: Instant; readonly answered: Instant }): CheckFinding {
  const theirs = Date.parse(headers.get('date') ?? '');
  if (Number.isNaN(theirs)) return { step: 'clock', severity: 'info', seen: 'not checked: the server does not say' };
  // While the answer was under way nobody knows.
  const ahead = Math.max(0, theirs - ours.answered) || Math.min(0, theirs + SECOND - ours.asked);
  const seconds = Math.round(Math.abs(ahead) / SECOND);
  if (seconds < 2) return { step: 'clock', severity: 'ok', seen: 'the clocks agree' };
  const seen = `the server's clock is ${seconds} seconds ${ahead > 0 ? 'ahead of' : 'behind'} ours`;
  return Math.abs(ahead) <= GREATEST_SKEW
    ? { step: 'clock', severity: 'ok', seen }
    : {
        step: 'clock',
        severity: 'warning',
        seen,
        advice:
          'Set the clocks by NTP, on both sides: tokens and NTLM are refused, and meetings begin at the wrong time',
      };
}
