import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { MINUTE } from '../../../component/runtime/clock.ts';
import type { Credentials } from '../http/authentication.ts';
import type { OauthCredentials } from '../oauth/oauth-credentials.ts';
import { failed } from './advice.ts';
import type { AccountContext } from './check-context.ts';
import type { Findings } from './check-finding.ts';

/** The right that an application needs in Exchange Online, as it stands among the token's roles. */
const ROLE = 'full_access_as_app';

/** Whether the authority gives the application a token, and what that is good for. Nothing where no tokens are used. */
export async function* checkToken(context: AccountContext): Findings {
  const { credentials, account, signal, clock } = context;
  if (!isOauth(credentials)) return;
  try {
    const token = await account.run(signal, () => credentials.tryToken(signal));
    const { authority, lifetime, roles } = token;
    const until = new Date(clock.now() + lifetime).toISOString().slice(11, 16);
    const from = `a token of ${authority}, good for ${Math.round(lifetime / MINUTE)} minutes (until ${until} UTC)`;
    if (roles === undefined) {
      yield { step: 'token', severity: 'ok', seen: from };
      return;
    }
    const seen = `${from}, with the roles ${roles.join(', ') || 'none'}`;
    const advice = `Give the application the permission ${ROLE} (Office 365 Exchange Online), and have it consented to`;
    yield roles.includes(ROLE)
      ? { step: 'token', severity: 'ok', seen }
      : { step: 'token', severity: 'warning', seen, advice };
  } catch (error) {
    if (!(error instanceof CalendarSourceError)) throw error;
    yield failed('token', error, { scheme: credentials.scheme, mailbox: undefined });
  }
}

function isOauth(credentials: Credentials): credentials is OauthCredentials {
  return 'tryToken' in credentials;
}
