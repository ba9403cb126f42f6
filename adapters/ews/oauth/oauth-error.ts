import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { limitBackOff } from '../ews-error.ts';
import type { Application } from './application.ts';

/** What an authority said instead of giving a token. */
export type Refusal = {
  readonly status: number;
  /** The answer, read as JSON; undefined when it is none. */
  readonly body: unknown;
  /** In milliseconds. */
  readonly retryAfter: number | undefined;
};

/** Entra's codes (https://learn.microsoft.com/entra/identity-platform/reference-error-codes) that an administrator meets. */
const advice: Readonly<Record<number, (application: Application) => string>> = {
  7000215: () => 'the client secret is wrong: configure its value, which is shown once, and not its id',
  7000222: () => 'the client secret has expired: make a new one for the application, and configure it',
  700016: ({ clientId, tenant }) =>
    `the tenant ${tenant} does not know the application ${clientId}: check both, and that an administrator consented`,
  90002: ({ tenant }) => `there is no tenant ${tenant}: check it, and that the authority is that of its cloud`,
  900023: ({ tenant }) => `${tenant} is no tenant's id and none's domain: check it`,
  700027: ({ certificateEnds }) =>
    'the certificate is not among those of the application, or its time is over: upload it there' +
    (certificateEnds === undefined ? '' : ` (it is valid until ${new Date(certificateEnds).toISOString()})`),
  70002: () => 'the secret or the certificate is refused: check them',
  70011: ({ scope }) => `the scope ${scope} is not known: it usually ends in /.default`,
  500011: ({ scope, tenant }) => `the tenant ${tenant} has nothing that the scope ${scope} names: check the scope`,
  1002012: ({ scope }) => `the scope ${scope} must end in /.default`,
  7000112: ({ clientId }) => `the application ${clientId} is disabled in the tenant: enable it there`,
  53003: () => 'a Conditional Access policy blocks the application: let it through there',
  65001: () => 'nobody has consented to what the application may do: an administrator must',
};

/** Why there is no token: for an administrator, from codes alone, for the authority's words may hold anything. */
export function errorOfRefusal(refusal: Refusal, application: Application): CalendarSourceError {
  const { status, retryAfter } = refusal;
  const { error, codes } = readRefusal(refusal.body);
  const host = application.authority.host;
  const wait = limitBackOff(retryAfter);
  const fail = (kind: CalendarSourceError['kind'], text: string, code: string) =>
    new CalendarSourceError(kind, `The authority ${host}: ${text}`, { code, ...wait });

  if (status === 429 || status === 503 || error === 'temporarily_unavailable') {
    return fail('throttled', `it is busy (HTTP ${status})`, error ?? `HTTP ${status}`);
  }
  // Before all that counts as a refusal: its fault is no wrong secret, and it may say so in JSON, too.
  if (status >= 500 || error === 'server_error')
    return fail('unreachable', `it fails (HTTP ${status})`, `HTTP ${status}`);
  const known = codes.find((code) => code in advice);
  if (known !== undefined)
    return fail('unauthorized', `${advice[known]?.(application)} (AADSTS${known})`, `AADSTS${known}`);
  const seen = [error, ...codes.slice(0, 1).map((code) => `AADSTS${code}`), `HTTP ${status}`]
    .filter(Boolean)
    .join(', ');
  if (error === 'invalid_client') {
    return fail('unauthorized', `it refuses the application's id, secret or certificate: check them (${seen})`, error);
  }
  if (error !== undefined) return fail('unauthorized', `it gives the application no token (${seen})`, error);
  return fail(
    'malformed',
    `it gives no token and no reason (HTTP ${status}): check its address, and the tenant`,
    `HTTP ${status}`,
  );
}

/** An OAuth error (RFC 6749 §5.2) with Entra's codes, in `error_codes` or at the beginning of the description. */
function readRefusal(body: unknown): { error: string | undefined; codes: readonly number[] } {
  const { error, error_codes: codes, error_description: text } = (body ?? {}) as Readonly<Record<string, unknown>>;
  const described = typeof text === 'string' ? /^AADSTS(\d{1,9})\b/.exec(text)?.[1] : undefined;
  return {
    error: typeof error === 'string' && /^\w{1,40}$/.test(error) ? error : undefined,
    codes: [
      ...(Array.isArray(codes) ? codes.filter((code): code is number => Number.isSafeInteger(code)) : []),
      ...(described === undefined ? [] : [Number(described)]),
    ],
  };
}
