// Envelopes and faults as text, in the many styles in which servers and their front-ends write them.
// docs: SOAP 1.1 §4.4, https://www.w3.org/TR/2000/NOTE-SOAP-20000508/ ; services.wsdl ; EWS throttling in Exchange,
//       https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange

import { ERRORS, MESSAGES, SOAP, TYPES } from './namespaces.ts';

export type ResponseStyle = {
  /** The prefix of the envelope's namespace; `none`: it is the default namespace. */
  readonly prefix: 's' | 'soap' | 'soap11' | 'SOAP' | 'none';
  /** Prefixes of the messages and types namespaces; '': each is declared as the default where it begins. */
  readonly messages: string;
  readonly types: string;
  /**
   * How times are written: in the request's zone without an offset, in UTC, or with a fixed offset (`+02:00`);
   * `zone`: in the request's zone with its offset of the day, as Exchange 2007 does.
   */
  readonly offsets: 'none' | 'Z' | 'zone' | `+${string}` | `-${string}`;
  readonly pretty: boolean;
  /** Texts stand in CDATA sections. */
  readonly cdata: boolean;
  /** Faults repeat their code in `detail`; without it only `faultcode` has it. */
  readonly faultDetail: boolean;
};

/** As Exchange 2013 and later write. */
export const exchangeStyle: ResponseStyle = {
  prefix: 's',
  messages: '',
  types: '',
  offsets: 'none',
  pretty: false,
  cdata: false,
  faultDetail: true,
};

export type SoapFault = {
  /** A ResponseCode. */
  readonly code: string;
  readonly message: string;
  /** Named values of the MessageXml, in their order. */
  readonly values?: readonly (readonly [name: string, value: string])[];
};

export type Names = {
  /** The prefixes with their colon. */
  readonly m: string;
  readonly t: string;
  /** The declarations of the root element, and of the outermost elements of the types namespace. */
  readonly open: string;
  readonly openTypes: string;
};

/** How a style names the elements of an answer. */
export function namesOf({ messages, types }: ResponseStyle): Names {
  const declareMessages = messages === '' ? ` xmlns="${MESSAGES}"` : ` xmlns:${messages}="${MESSAGES}"`;
  const declareTypes = types === '' ? '' : ` xmlns:${types}="${TYPES}"`;
  return {
    m: messages === '' ? '' : `${messages}:`,
    t: types === '' ? '' : `${types}:`,
    open: `${declareMessages}${declareTypes}`,
    openTypes: types === '' ? ` xmlns="${TYPES}"` : '',
  };
}

const VERSION_INFO =
  '<h:ServerVersionInfo MajorVersion="15" MinorVersion="2" MajorBuildNumber="1748" MinorBuildNumber="10" ' +
  `Version="V2017_07_11" xmlns:h="${TYPES}" xmlns="${TYPES}" xmlns:xsd="http://www.w3.org/2001/XMLSchema" ` +
  'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"/>';

/** Wraps an operation's answer. */
export function writeEnvelope(style: ResponseStyle, body: string): string {
  const p = style.prefix === 'none' ? '' : `${style.prefix}:`;
  return finish(style, `<${p}Header>${VERSION_INFO}</${p}Header><${p}Body>${body}</${p}Body>`);
}

/** A fault for a whole request. */
export function writeFault(style: ResponseStyle, { code, message, values = [] }: SoapFault): string {
  const p = style.prefix === 'none' ? '' : `${style.prefix}:`;
  // The children of a SOAP 1.1 fault are in no namespace.
  const none = style.prefix === 'none' ? ' xmlns=""' : '';
  const text = (value: string): string => writeText(style, value);
  const detail =
    `<detail${none}><e:ResponseCode xmlns:e="${ERRORS}">${text(code)}</e:ResponseCode>` +
    `<e:Message xmlns:e="${ERRORS}">${text(message)}</e:Message>${writeMessageXml(style, values)}</detail>`;
  return finish(
    style,
    `<${p}Body><${p}Fault><faultcode${none} xmlns:a="${TYPES}">${text(`a:${code}`)}</faultcode>` +
      `<faultstring${none} xml:lang="en-US">${text(message)}</faultstring>${style.faultDetail ? detail : ''}` +
      `</${p}Fault></${p}Body>`,
  );
}

function writeMessageXml(style: ResponseStyle, values: NonNullable<SoapFault['values']>): string {
  if (values.length === 0) return '';
  return `<t:MessageXml xmlns:t="${TYPES}">${writeValues(style, values)}</t:MessageXml>`;
}

/** Value elements with the prefix `t`, which the parent declares. */
export function writeValues(style: ResponseStyle, values: NonNullable<SoapFault['values']>): string {
  return values
    .map(([name, value]) => `<t:Value Name="${escapeXml(name)}">${writeText(style, value)}</t:Value>`)
    .join('');
}

export function writeText(style: ResponseStyle, text: string): string {
  return style.cdata ? `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>` : escapeXml(text);
}

function escapeXml(text: string): string {
  if (!/[&<>"]/.test(text)) return text;
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function finish(style: ResponseStyle, content: string): string {
  const { prefix } = style;
  const [p, xmlns] = prefix === 'none' ? ['', 'xmlns'] : [`${prefix}:`, `xmlns:${prefix}`];
  const xml = `<?xml version="1.0" encoding="utf-8"?><${p}Envelope ${xmlns}="${SOAP}">${content}</${p}Envelope>`;
  return style.pretty ? indent(xml) : xml;
}

/** Puts each element on a line of its own; texts stay as they are. */
function indent(xml: string): string {
  let lines = '';
  let depth = 0;
  let afterText = false;
  for (const token of xml.match(/<!\[CDATA\[[\s\S]*?\]\]>|<[^>]+>|[^<]+/g) ?? []) {
    const isText = !token.startsWith('<') || token.startsWith('<![');
    const closes = token.startsWith('</');
    if (closes) depth--;
    lines += isText || afterText || token.startsWith('<?') ? token : `\n${'  '.repeat(depth)}${token}`;
    if (!isText && !closes && !/^<\?|\/>$/.test(token)) depth++;
    afterText = isText;
  }
  return lines;
}
