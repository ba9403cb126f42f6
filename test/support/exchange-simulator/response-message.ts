// The response messages of which the answers of most operations are made.
// docs: ResponseMessages, ResponseCode, MessageXml, messages.xsd (ResponseMessageType, BaseResponseMessageType),
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsemessages

import { TYPES } from './namespaces.ts';
import { namesOf, type ResponseStyle, type SoapFault, writeEnvelope, writeText, writeValues } from './soap.ts';

/**
 * Writes one response message.
 *
 * @param name its element, as SubscribeResponseMessage
 * @param error what went wrong; undefined: nothing did
 * @param content what follows what all of them have
 */
export function writeResponseMessage(style: ResponseStyle, name: string, error?: SoapFault, content = ''): string {
  const { m } = namesOf(style);
  if (error === undefined) {
    const code = `<${m}ResponseCode>${writeText(style, 'NoError')}</${m}ResponseCode>`;
    return `<${m}${name} ResponseClass="Success">${code}${content}</${m}${name}>`;
  }
  const { code, message, values = [] } = error;
  const messageXml =
    values.length === 0 ? '' : `<${m}MessageXml xmlns:t="${TYPES}">${writeValues(style, values)}</${m}MessageXml>`;
  return (
    `<${m}${name} ResponseClass="Error"><${m}MessageText>${writeText(style, message)}</${m}MessageText>` +
    `<${m}ResponseCode>${writeText(style, code)}</${m}ResponseCode>` +
    `<${m}DescriptiveLinkKey>0</${m}DescriptiveLinkKey>${messageXml}${content}</${m}${name}>`
  );
}

/** Writes the envelope of an operation's answer (`operation` as Subscribe) around its response messages. */
export function writeResponse(style: ResponseStyle, operation: string, messages: string): string {
  const { m, open } = namesOf(style);
  const all = `<${m}ResponseMessages>${messages}</${m}ResponseMessages>`;
  return writeEnvelope(style, `<${m}${operation}Response${open}>${all}</${m}${operation}Response>`);
}
