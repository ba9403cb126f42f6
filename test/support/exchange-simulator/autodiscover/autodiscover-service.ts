// Autodiscover by SOAP: GetUserSettings for many users at once.
// docs: GetUserSettings operation (SOAP), UserResponse, UserSettingErrors, ErrorCode (SOAP),
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/getusersettings-operation-soap
//       Autodiscover for Exchange (redirects),
//       https://learn.microsoft.com/exchange/client-developer/exchange-web-services/autodiscover-for-exchange
//       [MS-OXWSADISC] §3.1.4.2 ; RequestedServerVersion that is missing or not known:
//       https://github.com/OfficeDev/ews-managed-api/issues/140 ; WS-Addressing 1.0 – SOAP Binding §6.4
// From judgement: more than 100 users, or none, are an InvalidRequest for the whole; the texts.

import type { Faults } from '../faults.ts';
import { type HttpAnswer, htmlAnswer, XML } from '../http-answer.ts';
import { SOAP } from '../namespaces.ts';
import type { Asked, Operation } from '../operation.ts';
import { Refusal, readChildren } from '../request-reader.ts';
import { type ResponseStyle, type SoapFault, writeText } from '../soap.ts';
import { parseEnvelope, type SoapRequest } from '../soap-request.ts';
import type { WebService } from '../web-service.ts';
import type { XmlElement } from '../xml-element.ts';
import type { AutodiscoverDirectory, UserAnswer } from './autodiscover-directory.ts';

const PATH = '/autodiscover/autodiscover.svc';
const AUTODISCOVER = 'http://schemas.microsoft.com/exchange/2010/Autodiscover';
const ADDRESSING = 'http://www.w3.org/2005/08/addressing';
const OPERATION = 'GetUserSettingsRequestMessage';
const ACTION = `${AUTODISCOVER}/Autodiscover/GetUserSettings`;
const MOST_USERS = 100;
const versions = [
  'Exchange2010',
  'Exchange2010_SP1',
  'Exchange2010_SP2',
  'Exchange2012',
  'Exchange2013',
  'Exchange2013_SP1',
  'Exchange2016',
];
/** Known names of settings that this server has none of; any other that it has not is no setting at all. */
const without = [
  ...[
    'PublicFolderServer',
    'InternalRpcClientServer',
    'InternalEcpUrl',
    'ExternalEcpUrl',
    'InternalOABUrl',
    'ExternalOABUrl',
  ],
  ...[
    'InternalUMUrl',
    'ExternalUMUrl',
    'InternalWebClientUrls',
    'ExternalWebClientUrls',
    'CrossOrganizationSharingEnabled',
  ],
  ...['EcpDeliveryReportUrlFragment', 'EcpPublishingUrlFragment', 'EcpTextMessagingUrlFragment', 'AlternateMailboxes'],
  ...[
    'ExternalEwsVersion',
    'InternalEwsUrl',
    'ExternalEwsUrl',
    'GroupingInformation',
    'MobileMailboxPolicy',
    'UserMSOnline',
  ],
];

type UserSettingsRequest = Asked & { readonly mailboxes: readonly string[]; readonly settings: readonly string[] };

/** The web service at /autodiscover/autodiscover.svc. */
export function autodiscoverService(directory: AutodiscoverDirectory, faults: Faults): WebService {
  return {
    path: PATH,
    namespace: AUTODISCOVER,
    operations: new Map<string, Operation>([[OPERATION, getUserSettings(directory, faults) as Operation]]),
    read,
    // There is no published schema; the structural checks have to do.
    validate: () => [],
    fault: (content) => writeAutodiscoverFault(faults.style, content),
    intercept: () =>
      directory.redirect === undefined ? undefined : htmlAnswer(302, 'Object moved', { location: directory.redirect }),
  };
}

function read(xml: string): SoapRequest {
  const { Header, Body } = readChildren(parseEnvelope(xml), SOAP, { Header: '?', Body: '1' });
  const header = (uri: string, local: string): string | undefined =>
    Header[0]?.children.find((one) => one.uri === uri && one.local === local)?.text.trim();
  const action = header(ADDRESSING, 'Action');
  if (action !== ACTION) throw new Refusal('ActionNotSupported', `The action '${action ?? ''}' is not served here`);
  if (!versions.includes(header(AUTODISCOVER, 'RequestedServerVersion') ?? '')) {
    throw new Refusal('InvalidRequest', 'The RequestedServerVersion header is missing or invalid.');
  }
  const [operation] = (Body[0] as XmlElement).children;
  if (operation === undefined) throw new Refusal('InvalidRequest', 'The SOAP body is empty');
  return { operation, impersonated: undefined, zone: undefined };
}

function getUserSettings(directory: AutodiscoverDirectory, faults: Faults): Operation<UserSettingsRequest> {
  return {
    read(element) {
      const { Request } = readChildren(element, AUTODISCOVER, { Request: '1' });
      const parts = readChildren(Request[0] as XmlElement, AUTODISCOVER, {
        Users: '1',
        RequestedSettings: '1',
        RequestedVersion: '?',
      });
      const { User } = readChildren(parts.Users[0] as XmlElement, AUTODISCOVER, { User: '*' });
      const { Setting } = readChildren(parts.RequestedSettings[0] as XmlElement, AUTODISCOVER, { Setting: '*' });
      if (User.length === 0) throw new Refusal('InvalidRequest', 'The request names no user.');
      if (Setting.length === 0) throw new Refusal('InvalidRequest', 'The request names no setting.');
      if (User.length > MOST_USERS) {
        throw new Refusal('InvalidRequest', `The request names ${User.length} users; ${MOST_USERS} are allowed.`);
      }
      const mailboxes = User.map((user) => {
        const { Mailbox } = readChildren(user, AUTODISCOVER, { Mailbox: '1' });
        return (Mailbox[0] as XmlElement).text.trim();
      });
      return { mailboxes, settings: Setting.map(({ text }) => text.trim()) };
    },
    answer({ mailboxes, settings }) {
      const { style } = faults;
      const users = mailboxes.map((mailbox) => writeUser(style, directory.answerFor(mailbox), settings));
      return answer(style, writeResponse(style, 'NoError', '', users.join('')));
    },
    refuse(_request, { code, message }) {
      // Autodiscover has codes of its own, which are those of EWS without the word in front.
      return answer(faults.style, writeResponse(faults.style, code.replace(/^Error/, ''), message, ''));
    },
  };
}

function writeUser(style: ResponseStyle, user: UserAnswer, asked: readonly string[]): string {
  if ('redirectAddress' in user) {
    return writeUserResponse(style, 'RedirectAddress', 'Redirection address.', user.redirectAddress, '', '');
  }
  if ('redirectUrl' in user)
    return writeUserResponse(style, 'RedirectUrl', 'Redirection URL.', user.redirectUrl, '', '');
  if ('error' in user) return writeUserResponse(style, user.error, `${user.error}.`, undefined, '', '');
  let [settings, errors] = ['', ''];
  for (const name of asked) {
    const value = user.settings.get(name);
    if (value === undefined) errors += writeSettingError(style, name);
    else {
      settings +=
        `<UserSetting i:type="StringSetting"><Name>${writeText(style, name)}</Name>` +
        `<Value>${writeText(style, value)}</Value></UserSetting>`;
    }
  }
  return writeUserResponse(style, 'NoError', 'No error.', undefined, errors, settings);
}

function writeSettingError(style: ResponseStyle, name: string): string {
  const code = without.includes(name) ? 'SettingIsNotAvailable' : 'InvalidSetting';
  return (
    `<UserSettingError><ErrorCode>${code}</ErrorCode><ErrorMessage>${code}.</ErrorMessage>` +
    `<SettingName>${writeText(style, name)}</SettingName></UserSettingError>`
  );
}

function writeUserResponse(
  style: ResponseStyle,
  code: string,
  message: string,
  target: string | undefined,
  errors: string,
  settings: string,
): string {
  const redirect =
    target === undefined
      ? '<RedirectTarget i:nil="true"/>'
      : `<RedirectTarget>${writeText(style, target)}</RedirectTarget>`;
  return (
    `<UserResponse><ErrorCode>${code}</ErrorCode><ErrorMessage>${writeText(style, message)}</ErrorMessage>${redirect}` +
    `<UserSettingErrors>${errors}</UserSettingErrors><UserSettings>${settings}</UserSettings></UserResponse>`
  );
}

function writeResponse(style: ResponseStyle, code: string, message: string, users: string): string {
  return (
    `<GetUserSettingsResponseMessage xmlns="${AUTODISCOVER}"><Response xmlns:i="http://www.w3.org/2001/XMLSchema-instance">` +
    `<ErrorCode>${code}</ErrorCode><ErrorMessage>${writeText(style, message)}</ErrorMessage>` +
    `<UserResponses>${users}</UserResponses></Response></GetUserSettingsResponseMessage>`
  );
}

/** What is wrong with a request is said in the response; what the service can't make sense of, in a fault. */
function writeAutodiscoverFault(style: ResponseStyle, { code, message }: SoapFault): HttpAnswer {
  if (code === 'InvalidRequest') return answer(style, writeResponse(style, code, message, ''));
  const p = prefix(style);
  const none = style.prefix === 'none' ? ' xmlns=""' : '';
  const namespace =
    code === 'ActionNotSupported'
      ? ADDRESSING
      : 'http://schemas.microsoft.com/net/2005/12/windowscommunicationfoundation/dispatcher';
  const known = code === 'ActionNotSupported' ? code : 'DeserializationFailed';
  const fault =
    `<${p}Fault><faultcode${none} xmlns:a="${namespace}">a:${known}</faultcode>` +
    `<faultstring${none} xml:lang="en-US">${writeText(style, message)}</faultstring></${p}Fault>`;
  return { ...answer(style, fault), status: 500 };
}

function answer(style: ResponseStyle, body: string): HttpAnswer {
  const p = prefix(style);
  const xmlns = style.prefix === 'none' ? 'xmlns' : `xmlns:${style.prefix}`;
  const version =
    `<h:ServerVersionInfo xmlns:h="${AUTODISCOVER}"><h:MajorVersion>15</h:MajorVersion><h:MinorVersion>2</h:MinorVersion>` +
    '<h:MajorBuildNumber>1748</h:MajorBuildNumber><h:MinorBuildNumber>10</h:MinorBuildNumber>' +
    '<h:Version>Exchange2015</h:Version></h:ServerVersionInfo>';
  const header = `<a:Action ${p === '' ? '' : `${p}mustUnderstand="1"`}>${ACTION}Response</a:Action>${version}`;
  return {
    status: 200,
    headers: XML,
    body:
      `<${p}Envelope ${xmlns}="${SOAP}" xmlns:a="${ADDRESSING}"><${p}Header>${header}</${p}Header>` +
      `<${p}Body>${body}</${p}Body></${p}Envelope>`,
  };
}

function prefix({ prefix: name }: ResponseStyle): string {
  return name === 'none' ? '' : `${name}:`;
}
