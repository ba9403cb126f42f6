import type { Mailbox } from '../../../component/directory/directory.ts';
import { escapeXml } from './xml-text.ts';

export type EnvelopeOptions = {
  /** The mailbox in whose name the request is made; the account needs the ApplicationImpersonation role for it. */
  readonly impersonate?: Mailbox | undefined;
  /** The RequestServerVersion: the schema that the answer keeps to. Default: Exchange2013, which every later one knows. */
  readonly version?: string | undefined;
};

const NAMESPACES =
  'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"' +
  ' xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"' +
  ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"';

/**
 * A whole EWS request around the `body`, which uses the prefixes `m` (messages) and `t` (types).
 *
 * An impersonated request must also carry the header `X-AnchorMailbox`: see `anchorHeaders`.
 *
 * SOAP 1.1 §4; https://learn.microsoft.com/exchange/client-developer/web-service-reference/exchangeimpersonation
 */
export function writeEnvelope(body: string, { impersonate, version = 'Exchange2013' }: EnvelopeOptions = {}): string {
  const impersonation =
    impersonate === undefined
      ? ''
      : `<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>${escapeXml(impersonate)}` +
        '</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>';
  return (
    `<?xml version="1.0" encoding="utf-8"?><s:Envelope ${NAMESPACES}>` +
    `<s:Header><t:RequestServerVersion Version="${escapeXml(version)}"/>${impersonation}</s:Header>` +
    `<s:Body>${body}</s:Body></s:Envelope>`
  );
}

/**
 * The HTTP header that leads an impersonated request to the server which has the mailbox. Nothing for an address that
 * can't stand in a header: Exchange finds the way itself then, by one more hop.
 *
 * https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-maintain-affinity-between-group-of-subscriptions-and-mailbox-server
 */
export function anchorHeaders(mailbox: Mailbox | undefined): Readonly<Record<string, string>> {
  return mailbox === undefined || !/^[\x21-\x7e]+$/.test(mailbox) ? {} : { 'X-AnchorMailbox': mailbox };
}
