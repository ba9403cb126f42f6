import type { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import type { Credentials } from '../http/authentication.ts';
import { ACCOUNT_SPARED } from './account-turns.ts';
import type { CheckFinding, CheckStep } from './check-finding.ts';

/** Whom an advice is about. */
export type AdviceContext = { readonly scheme: Credentials['scheme']; readonly mailbox: Mailbox | undefined };

/** A step that failed. */
export function failed(step: CheckStep, error: CalendarSourceError, context: AdviceContext): CheckFinding {
  return { step, severity: 'error', seen: error.message, advice: adviceAt(step, error) ?? adviceFor(error, context) };
}

/** Where somebody else than EWS was asked, what is to be mended is elsewhere, too. */
function adviceAt(step: CheckStep, { kind, code }: CalendarSourceError): string | undefined {
  if ((kind !== 'malformed' && kind !== 'unreachable') || code?.startsWith('PROXY_') === true) return undefined;
  if (step === 'token') {
    return 'Check oauth.authority and oauth.tenant, and that this machine (or its proxy) reaches the authority';
  }
  if (step === 'autodiscover' && code !== 'AUTODISCOVER' && code !== 'NO_AUTODISCOVER') {
    return 'Check autodiscover.url, which usually ends in /autodiscover/autodiscover.svc, and that the service runs there';
  }
  return undefined;
}

export const ADVICE_RIGHTS =
  'Give the account free/busy rights: Add-MailboxFolderPermission -Identity <mailbox>:\\Calendar -User <account> ' +
  '-AccessRights AvailabilityOnly (or let the Default user have them)';

const ADVICE_IMPERSONATION =
  'Give the account the role: New-ManagementRoleAssignment -Name PresenceGateway -Role ApplicationImpersonation ' +
  '-User <account> (with -CustomRecipientWriteScope for some mailboxes only); or set impersonation: false';

export const ADVICE_THROTTLING =
  'If it lasts, give the account a throttling policy of its own (New-ThrottlingPolicy, see adapters/ews/README.md), ' +
  'or configure a lower concurrency';

const adviceForAccount: Readonly<Record<Credentials['scheme'], string>> = {
  basic:
    'Check user name (DOMAIN\\name or name@domain) and password, and that the account is not locked. Basic ' +
    'authentication must be on: Set-WebServicesVirtualDirectory -BasicAuthentication $true',
  ntlm:
    'Check user name (DOMAIN\\name) and password, and that the account is not locked. Windows authentication must be ' +
    'on: Set-WebServicesVirtualDirectory -WindowsAuthentication $true; behind a proxy that ends TLS: channelBinding: false',
  oauth:
    'Check tenant, clientId and secret or certificate; the application needs the permission full_access_as_app of ' +
    'Office 365 Exchange Online, and an administrator’s consent',
};

/** What an administrator can do about a failure. */
export function adviceFor(error: CalendarSourceError, { scheme, mailbox }: AdviceContext): string {
  switch (error.kind) {
    case 'unauthorized':
      return error.code === ACCOUNT_SPARED
        ? 'Mend the account first, by what the other servers say; then check again'
        : adviceForAccount[scheme];
    case 'proxy-unauthorized':
      return 'Check proxy.username, and proxy.password or proxy.passwordFile';
    case 'access-denied':
      return adviceForDenial(error.code);
    case 'mailbox-not-found':
      return `Check the address ${mailbox ?? ''}, and that this server serves it; try another mailbox`;
    case 'wrong-server':
      return `Another server has ${mailbox ?? 'it'}: give that one's address, or turn Autodiscover on for this server`;
    case 'throttled':
      return `Wait and check again. ${ADVICE_THROTTLING}`;
    case 'blocked':
      return 'Set-OrganizationConfig -EwsEnabled $true and the allow list for a respite; plan the move to Microsoft Graph';
    case 'malformed':
      return adviceForNonsense(error.code);
    case 'unreachable':
      return adviceForSilence(error.code);
  }
}

function adviceForDenial(code: string | undefined): string {
  switch (code) {
    case 'ErrorImpersonateUserDenied':
    case 'ErrorImpersonationDenied':
      return ADVICE_IMPERSONATION;
    case 'UNTRUSTED_HOST':
      return 'Add the host to autodiscover.hosts if it is yours';
    case undefined:
      return (
        'Check Get-OrganizationConfig and Get-CASMailbox for EwsEnabled and the EWS application policy, and whether ' +
        'the proxy before Exchange lets this machine through'
      );
    default:
      return ADVICE_RIGHTS;
  }
}

function adviceForNonsense(code: string | undefined): string {
  switch (code) {
    case 'AUTODISCOVER':
      return 'Mend what Autodiscover says (Set-WebServicesVirtualDirectory -ExternalUrl), or give the server a url instead';
    case 'ErrorNonExistentMailbox':
      // As a fault of the whole request: it speaks of who asks.
      return 'Who asks has no mailbox on this server: check the address in impersonate, or give the account a mailbox';
    default:
      return 'Open the EWS address in a browser: after the log-in a page on services.wsdl or ExchangeService must appear';
  }
}

function adviceForSilence(code: string | undefined): string {
  if (code === 'NO_AUTODISCOVER') return 'Give autodiscover.url, or make DNS lead to the service as Outlook expects it';
  if (code?.startsWith('PROXY_') === true) return 'Mend the proxy, or what is configured of it';
  return 'Check that the Exchange services and the IIS application pool MSExchangeServicesAppPool run';
}
