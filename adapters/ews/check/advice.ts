import type { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import { NOT_OFFERED } from '../ews-error.ts';
import type { Credentials } from '../http/authentication.ts';
import { ACCOUNT_SPARED } from './account-turns.ts';
import type { CheckFinding, CheckStep } from './check-finding.ts';

/** Whom an advice is about. */
export type AdviceContext = { readonly scheme: Credentials['scheme']; readonly mailbox: Mailbox | undefined };

/** A step that failed. */
export function failed(step: CheckStep, error: CalendarSourceError, context: AdviceContext): CheckFinding {
  return {
    step,
    severity: 'error',
    seen: error.message,
    advice: adviceAt(step, error, context.mailbox) ?? adviceFor(error, context),
  };
}

/** Where somebody else than EWS was asked, what is to be mended is elsewhere, too. */
function adviceAt(
  step: CheckStep,
  { kind, code }: CalendarSourceError,
  mailbox: Mailbox | undefined,
): string | undefined {
  if ((step !== 'token' && step !== 'autodiscover') || code?.startsWith('PROXY_') === true) return undefined;
  if (kind === 'throttled') return 'Wait, and check again';
  if (step === 'autodiscover' && kind === 'mailbox-not-found') {
    return `Check the address ${mailbox ?? ''}, of which Autodiscover does not know; try another mailbox`;
  }
  if (kind !== 'malformed' && kind !== 'unreachable') return undefined;
  if (step === 'token') {
    return 'Check oauth.authority and oauth.tenant, and that this machine (or its proxy) reaches the authority';
  }
  if (code === 'AUTODISCOVER' || code === 'NO_AUTODISCOVER') return undefined;
  return 'Check autodiscover.url, which usually ends in /autodiscover/autodiscover.svc, and that the service runs there';
}

/** For the account's right to see a mailbox. */
export function adviceOnRights(mailbox: Mailbox | undefined): string {
  // In single quotes nothing but these means anything to PowerShell.
  const who = mailbox === undefined ? '<mailbox>' : mailbox.replaceAll("'", "''");
  return (
    `Give the account free/busy rights: Add-MailboxFolderPermission -Identity '${who}:\\Calendar' -User <account> ` +
    '-AccessRights AvailabilityOnly (or let the Default user have them)'
  );
}

export const ADVICE_SAMPLE = 'Give the server a sampleMailbox, or name a mailbox of it with --mailbox';

const ADVICE_IMPERSONATION =
  'Give the account the role: New-ManagementRoleAssignment -Name PresenceGateway -Role ApplicationImpersonation ' +
  '-User <account> (with -CustomRecipientWriteScope for some mailboxes only); or set impersonation: false';

export const ADVICE_THROTTLING =
  'Wait, and check again. If it lasts, give the account a throttling policy of its own (New-ThrottlingPolicy, see ' +
  'adapters/ews/README.md), or configure a lower concurrency';

type Scheme = Credentials['scheme'];

const adviceForAccount: Readonly<Record<Scheme, string>> = {
  basic:
    'Check user name (DOMAIN\\name or name@domain) and password, and that the account is neither locked nor expired',
  ntlm:
    'Check user name (DOMAIN\\name) and password, and that the account is neither locked nor expired; where a proxy or ' +
    'load balancer before Exchange ends TLS, set channelBinding: false',
  oauth:
    'Check tenant, clientId and secret or certificate; the application needs the permission full_access_as_app of ' +
    'Office 365 Exchange Online, and an administrator’s consent',
};

/** How a way to log on is switched on. */
export const adviceForOffer: Readonly<Record<Scheme, string>> = {
  basic: 'Switch it on (Set-WebServicesVirtualDirectory -BasicAuthentication $true), or configure another auth',
  ntlm: 'Switch it on (Set-WebServicesVirtualDirectory -WindowsAuthentication $true), or configure another auth',
  oauth: 'Switch it on (Set-WebServicesVirtualDirectory -OAuthAuthentication $true), or configure another auth',
};

/** What an administrator can do about a failure. */
export function adviceFor(error: CalendarSourceError, { scheme, mailbox }: AdviceContext): string {
  switch (error.kind) {
    case 'unauthorized':
      if (error.code === ACCOUNT_SPARED)
        return 'Mend the account first, by what the other servers say; then check again';
      return error.code === NOT_OFFERED ? adviceForOffer[scheme] : adviceForAccount[scheme];
    case 'proxy-unauthorized':
      return 'Check proxy.username, and proxy.password or proxy.passwordFile';
    case 'access-denied':
      return adviceForDenial(error.code, mailbox);
    case 'mailbox-not-found':
      return `Check the address ${mailbox ?? ''}, and that this server serves it; try another mailbox`;
    case 'wrong-server':
      return `Another server has ${mailbox ?? 'it'}: list it at that one (mailboxes, domains), or turn Autodiscover on`;
    case 'throttled':
      return 'Wait, and check again; if it lasts, see the advice on throttling below';
    case 'blocked':
      return 'Set-OrganizationConfig -EwsEnabled $true and the allow list for a respite; plan the move to Microsoft Graph';
    case 'malformed':
      return adviceForNonsense(error.code);
    case 'unreachable':
      return adviceForSilence(error.code);
  }
}

function adviceForDenial(code: string | undefined, mailbox: Mailbox | undefined): string {
  switch (code) {
    case 'ErrorImpersonateUserDenied':
    case 'ErrorImpersonationDenied':
      return ADVICE_IMPERSONATION;
    case 'ErrorInvalidOrganizationRelationshipForFreeBusy':
    case 'ErrorNotAllowedExternalSharingByPolicy':
    case 'ErrorOrganizationNotFederated':
    case 'ErrorPermissionNotAllowedByPolicy':
    case 'ErrorUserNotAllowedByPolicy':
      return (
        'The mailbox is in another organisation, which does not share free/busy: configure its own server, or allow it ' +
        'there (Get-OrganizationRelationship, Get-SharingPolicy)'
      );
    case 'UNTRUSTED_HOST':
      return 'Add the host to autodiscover.hosts if it is yours';
    case undefined:
      return (
        'Check Get-OrganizationConfig and Get-CASMailbox for EwsEnabled and the EWS application policy, and whether ' +
        'the proxy before Exchange lets this machine through'
      );
    default:
      return adviceOnRights(mailbox);
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
      return (
        'Open the EWS address in a browser and log in: a page on services.wsdl or ExchangeService must appear. If ' +
        'another does, the address is wrong or a proxy stands before EWS; if an error does, see the event log of Exchange'
      );
  }
}

function adviceForSilence(code: string | undefined): string {
  if (code === undefined) return ADVICE_SERVICES;
  if (code === 'NO_AUTODISCOVER') return 'Give autodiscover.url, or make DNS lead to the service as Outlook expects it';
  if (code.startsWith('PROXY_')) return 'Mend the proxy, or what is configured of it';
  if (/^ErrorMailbox/.test(code)) {
    return 'See how the mailbox and its database are (Get-Mailbox, Get-MailboxDatabase -Status): it may be moving or dismounted';
  }
  if (/^ErrorAD/.test(code)) return 'Check that Exchange reaches its domain controllers';
  if (/^Error(Proxy|No(Applicable|Destination|Responding)|ServiceDiscovery|PublicFolder)/.test(code)) {
    return (
      'Exchange asks another server for this mailbox, and that fails: check the way between the two ' +
      '(Test-OutlookWebServices), or configure that server here'
    );
  }
  if (code === 'TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
    return `${ADVICE_SERVICES}, and are not overloaded; or give it more time (timeout)`;
  }
  if (code === 'ECONNRESET' || code === 'EPIPE' || code.startsWith('UND_ERR_')) {
    return `See whether a firewall, proxy or load balancer on the way cuts connections. ${ADVICE_SERVICES}`;
  }
  return ADVICE_SERVICES;
}

const ADVICE_SERVICES = 'Check that the Exchange services and the IIS application pool MSExchangeServicesAppPool run';
