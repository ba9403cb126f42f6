import type { CalendarSourceErrorKind } from '../../component/calendar/calendar-source-error.ts';

/**
 * What Exchange's ResponseCodes mean to the gateway. A code that is not listed is `malformed`: retried, never taken
 * for "no such mailbox", for that verdict ends subscriptions.
 *
 * https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode
 */
const kindOfCode: ReadonlyMap<string, CalendarSourceErrorKind> = new Map([
  ...codes('mailbox-not-found', [
    'ErrorMailRecipientNotFound',
    'ErrorNonExistentMailbox',
    'ErrorRecipientNotFound',
    'ErrorInvalidSmtpAddress',
    'ErrorNameResolutionNoMailbox',
    'ErrorNameResolutionNoResults',
  ]),
  ...codes('wrong-server', [
    'ErrorProxyRequestNotAllowed',
    'ErrorWrongServerVersion',
    'ErrorWrongServerVersionDelegate',
  ]),
  ...codes('access-denied', [
    'ErrorNoFreeBusyAccess',
    'ErrorAccessDenied',
    'ErrorImpersonateUserDenied',
    'ErrorImpersonationDenied',
    'ErrorInvalidOrganizationRelationshipForFreeBusy',
    'ErrorNotAllowedExternalSharingByPolicy',
    'ErrorOrganizationNotFederated',
    'ErrorPermissionNotAllowedByPolicy',
    'ErrorUserNotAllowedByPolicy',
  ]),
  ...codes('throttled', [
    'ErrorServerBusy',
    'ErrorExceededConnectionCount',
    'ErrorInsufficientResources',
    'ErrorTooManyObjectsOpened',
  ]),
  ...codes('unauthorized', ['ErrorAccountDisabled', 'ErrorPasswordChangeRequired', 'ErrorPasswordExpired']),
  ...codes('blocked', ['ErrorOrganizationAccessBlocked']),
  ...codes('unreachable', [
    'ErrorADOperation',
    'ErrorADUnavailable',
    'ErrorClientDisconnected',
    'ErrorConnectionFailed',
    'ErrorFreeBusyGenerationFailed',
    'ErrorInternalServerError',
    'ErrorInternalServerTransientError',
    'ErrorMailboxFailover',
    'ErrorMailboxLogonFailed',
    'ErrorMailboxMoveInProgress',
    'ErrorMailboxStoreUnavailable',
    'ErrorNoApplicableProxyCASServersAvailable',
    'ErrorNoDestinationCASDueToKerberosRequirements',
    'ErrorNoDestinationCASDueToSSLRequirements',
    'ErrorNoDestinationCASDueToVersionMismatch',
    'ErrorNoRespondingCASInDestinationSite',
    'ErrorNotEnoughMemory',
    'ErrorProxyCallFailed',
    'ErrorProxyRequestProcessingFailed',
    'ErrorProxyServiceDiscoveryFailed',
    'ErrorPublicFolderRequestProcessingFailed',
    'ErrorPublicFolderServerNotFound',
    'ErrorRequestAborted',
    'ErrorServiceDiscoveryFailed',
    'ErrorTimeoutExpired',
  ]),
]);

/** The kind of error that a ResponseCode stands for; an unknown code is `malformed`. */
export function kindOfResponseCode(code: string): CalendarSourceErrorKind {
  return kindOfCode.get(code) ?? 'malformed';
}

function codes(
  kind: CalendarSourceErrorKind,
  names: readonly string[],
): readonly (readonly [string, CalendarSourceErrorKind])[] {
  return names.map((name) => [name, kind]);
}
