import { CalendarSourceError, type CalendarSourceErrorKind } from '../../component/calendar/calendar-source-error.ts';
import { HOUR, type Instant, SECOND } from '../../component/runtime/clock.ts';
import type { EwsAnswer } from './http/ews-transport.ts';
import { kindOfResponseCode } from './response-code.ts';
import type { SoapMessage } from './xml/soap.ts';

/** A server that asks for more, by mistake or not, is asked again after this. */
const LONGEST_BACK_OFF = HOUR;

/**
 * Why an answer is none: from the HTTP status, its headers and the SOAP message; undefined when it is fine.
 *
 * A fault counts at every status (Exchange sends some with 200, proxies turn others into 503). Messages are for an
 * administrator and say what to mend; the server's own text stays out of them, for it may name people.
 *
 * @param now for a Retry-After that gives a date
 */
export function errorOfAnswer(answer: EwsAnswer, message: SoapMessage, now: Instant): CalendarSourceError | undefined {
  const { status, headers } = answer;
  const policy = headers.get('x-ews-policy-reason');
  if (status === 403 && policy !== undefined) return blockedByPolicy(policy);
  if (message.fault !== undefined) return errorOfFault(answer, message, message.fault.code, now);
  if (status === 200 && message.problem === undefined) return undefined;

  const wait = limitBackOff(retryAfter(headers.get('retry-after'), now) ?? message.backOff);
  const casError = headers.get('x-caserrorcode');
  const seen = casError === undefined ? `HTTP ${status}` : `HTTP ${status} (${casError.slice(0, 60)})`;
  const fail = (kind: CalendarSourceErrorKind, text: string) => new CalendarSourceError(kind, text, wait);

  // Some front ends throttle with a 401, and may say when to come back. It counts as a refusal all the same: others say
  // so with a wrong password, too, and Active Directory locks the account.
  if (status === 401) return unauthorized(answer, wait);
  if (status === 456) return fail('unauthorized', 'The account is locked or disabled (HTTP 456)');
  if (status === 429 || status === 503) return fail('throttled', `Exchange is busy: ${seen}`);
  if (status === 403) return fail('access-denied', `${seen}: the account may not use EWS on this server`);
  if (status === 407) return fail('unreachable', 'A proxy in between asks for a log-in of its own (HTTP 407)');
  if (status === 404 || status === 405 || status === 410) {
    return fail('malformed', `${seen}: there is no EWS at this address; it usually ends in /EWS/Exchange.asmx`);
  }
  if (status === 451 || (status >= 300 && status < 400)) {
    return redirected(status, headers.get('x-ms-location') ?? headers.get('location'));
  }
  if (status === 408 || status === 502 || status === 504) return fail('unreachable', `${seen} from a proxy`);
  return fail('malformed', `${seen} with ${describeBody(message)}`);
}

/** A back-off as the options of a CalendarSourceError; none when there is none or it is 0. */
export function limitBackOff(milliseconds: number | undefined): { retryAfter?: number } {
  return milliseconds === undefined || !(milliseconds > 0)
    ? {}
    : { retryAfter: Math.min(milliseconds, LONGEST_BACK_OFF) };
}

function errorOfFault(
  { status, headers }: EwsAnswer,
  message: SoapMessage,
  code: string | undefined,
  now: Instant,
): CalendarSourceError {
  const wait = message.backOff || retryAfter(headers.get('retry-after'), now);
  if (code === undefined) {
    const kind = status === 503 || status === 429 ? 'throttled' : 'malformed';
    return new CalendarSourceError(kind, 'Exchange refused the request without a code', limitBackOff(wait));
  }
  const kind = kindOfResponseCode(code);
  return new CalendarSourceError(
    // A fault speaks of the request or of our own account, never of one of the mailboxes that were asked about.
    kind === 'mailbox-not-found' ? 'malformed' : kind,
    `Exchange refused the request: ${code}`,
    { code, ...limitBackOff(wait) },
  );
}

function blockedByPolicy(reason: string): CalendarSourceError {
  return new CalendarSourceError(
    'blocked',
    `Exchange Online blocks EWS for this tenant or application (${reason.slice(0, 80)}). An administrator must set ` +
      "EWSEnabled to True and put the application's id on the EWS allow list. On 2027-04-01 EWS is removed for good; " +
      'from then on only Microsoft Graph answers',
    { code: 'X-EWS-Policy-Reason' },
  );
}

function unauthorized({ headers, scheme }: EwsAnswer, wait: { retryAfter?: number }): CalendarSourceError {
  const offered = (headers.get('www-authenticate') ?? '').match(/\b(Basic|NTLM|Negotiate|Bearer)\b/gi) ?? [];
  const schemes = [...new Set(offered)].join(', ') || 'nothing';
  const isOffered = offers[scheme].test(schemes);
  const advice = isOffered ? refused[scheme] : notOffered[scheme];
  return new CalendarSourceError('unauthorized', `HTTP 401: ${advice} (the server offers ${schemes})`, {
    ...wait,
    ...(!isOffered && { code: NOT_OFFERED }),
  });
}

/** The code of a refusal that is not about the account: its way to log on is switched off. */
export const NOT_OFFERED = 'NOT_OFFERED';

type Scheme = EwsAnswer['scheme'];

const offers: Readonly<Record<Scheme, RegExp>> = { basic: /basic/i, ntlm: /ntlm|negotiate/i, oauth: /bearer/i };

const refused: Readonly<Record<Scheme, string>> = {
  basic: 'user name or password are wrong, or the account is locked or expired',
  ntlm:
    'user name (DOMAIN\\user) or password are wrong, or the account is locked or expired, or NTLM is restricted by ' +
    'policy; or a proxy in between gives a client not one connection to Exchange for itself, or ends TLS, so that ' +
    'Extended Protection sees another certificate: then switch off `channelBinding`',
  oauth: 'the access token was refused: check the application, its permission full_access_as_app and its tenant',
};

const notOffered: Readonly<Record<Scheme, string>> = {
  basic: 'Basic authentication is not enabled on its EWS virtual directory',
  ntlm: 'Windows authentication (NTLM) is not enabled on its EWS virtual directory',
  oauth: 'OAuth is not enabled on its EWS virtual directory',
};

/** To another server's EWS when the mailbox is there; to anything else when something stands in between. */
function redirected(status: number, location: string | undefined): CalendarSourceError {
  if (location !== undefined && URL.canParse(location) && /^\/ews\/[^/]*$/i.test(new URL(location).pathname)) {
    // Not followed: whoever answers here could send our password anywhere. Autodiscover finds the server.
    const there = locationWithoutQuery(location);
    return new CalendarSourceError('wrong-server', `HTTP ${status} to ${there}: the mailbox is on that server`);
  }
  return new CalendarSourceError(
    'malformed',
    `HTTP ${status} to ${locationWithoutQuery(location)}: a log-in page or another address stands before EWS. ` +
      'Give the EWS address itself, and have the proxy let it through without a log-in form',
  );
}

/** A query may hold tokens: it is left out. */
function locationWithoutQuery(location: string | undefined): string {
  if (location === undefined) return 'nowhere';
  return location
    .replace(/[?#].*$/s, '')
    .replace(/\/\/[^/@]*@/, '//')
    .slice(0, 200);
}

function describeBody(message: SoapMessage): string {
  if (message.problem === undefined) return 'a SOAP message that is no fault';
  if (message.beginning.trim() === '') return 'an empty body';
  if (/<html|<!doctype html/i.test(message.beginning)) return 'an HTML page instead of a SOAP message';
  return `a body that is no SOAP message: ${message.problem.slice(0, 120)}`;
}

/** Retry-After (RFC 9110 §10.2.3) in milliseconds: seconds, or a date. */
export function retryAfter(value: string | undefined, now: Instant): number | undefined {
  if (value === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * SECOND;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
