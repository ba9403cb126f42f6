// What the requests of all operations have in common: the SOAP envelope, and the headers that Exchange looks at.
// docs: SOAP 1.1 §4, https://www.w3.org/TR/2000/NOTE-SOAP-20000508/ ; RequestServerVersion, TimeZoneContext,
//       ExchangeImpersonation, ConnectingSID, ResponseCode:
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/connectingsid

import { exchangeVersions, SOAP, TYPES } from './namespaces.ts';
import { Refusal, readChildren } from './request-reader.ts';
import { type TimeZone, utc } from './time-zone.ts';
import { parseXml, type XmlElement } from './xml-element.ts';

export type SoapRequest = {
  readonly operation: XmlElement;
  /** The mailbox that the account wants to be, in lower case. */
  readonly impersonated: string | undefined;
  /** The zone of a TimeZoneContext. */
  readonly zone: TimeZone | undefined;
};

/**
 * Reads the whole envelope.
 *
 * @throws Refusal with the code of the fault that Exchange answers
 */
export function readSoapRequest(xml: string): SoapRequest {
  const { Header, Body } = readChildren(parseEnvelope(xml), SOAP, { Header: '?', Body: '1' });
  const header = readHeader(Header[0]?.children ?? []);
  const operations = (Body[0] as XmlElement).children;
  const [operation] = operations;
  if (operation === undefined) throw new Refusal('ErrorInvalidRequest', 'The SOAP body is empty');
  if (operations.length > 1) throw new Refusal('ErrorInvalidRequest', 'The SOAP body holds more than one operation');
  return { operation, ...header };
}

/** @throws Refusal (ErrorSchemaValidation) */
export function parseEnvelope(xml: string): XmlElement {
  let envelope: XmlElement;
  try {
    envelope = parseXml(xml);
  } catch (error) {
    throw new Refusal('ErrorSchemaValidation', `The request is not well-formed XML: ${(error as Error).message}`);
  }
  if (envelope.local !== 'Envelope' || envelope.uri !== SOAP) {
    throw new Refusal('ErrorSchemaValidation', 'The request is not a SOAP 1.1 envelope');
  }
  return envelope;
}

function readHeader(headers: readonly XmlElement[]): Omit<SoapRequest, 'operation'> {
  let zone: TimeZone | undefined;
  let impersonated: string | undefined;
  for (const element of headers) {
    if (element.uri !== TYPES) continue;
    const { local, attributes, children } = element;
    if (local === 'RequestServerVersion' && !exchangeVersions.has(attributes.get('Version') ?? '')) {
      throw new Refusal('ErrorInvalidServerVersion', `No server has the version ${attributes.get('Version') ?? ''}`);
    }
    if (local === 'ExchangeImpersonation') impersonated = readConnectingSid(element);
    if (local === 'TimeZoneContext') zone = readContextZone(children[0]?.attributes.get('Id') ?? '');
  }
  return { zone, impersonated };
}

/** The simulator's directory knows mailboxes by their SMTP addresses, which are their user principal names too. */
function readConnectingSid(impersonation: XmlElement): string {
  const { ConnectingSID } = readChildren(impersonation, TYPES, { ConnectingSID: '1' });
  const parts = (ConnectingSID[0] as XmlElement).children;
  const [one] = parts;
  const known = ['PrimarySmtpAddress', 'SmtpAddress', 'PrincipalName', 'SID'];
  if (one === undefined || parts.length > 1 || one.uri !== TYPES || !known.includes(one.local)) {
    throw new Refusal('ErrorSchemaValidation', 'ConnectingSID must hold one name of a mailbox');
  }
  if (one.local === 'SID') throw new Refusal('ErrorInvalidSid', 'The simulator knows no security identifiers');
  return one.text.trim().toLowerCase();
}

/** Exchange knows every zone of Windows by name; here are those that are UTC all year. */
function readContextZone(id: string): TimeZone {
  if (id !== 'UTC' && id !== 'Greenwich Standard Time')
    throw new Refusal('ErrorTimeZone', `No zone ${id} is known here`);
  return utc;
}
