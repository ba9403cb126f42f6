import type { GetUserSettingsResponse } from 'ews-javascript-api';
import {
  CalendarSourceError,
  type CalendarSourceErrorKind,
} from '../../../component/calendar/calendar-source-error.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import type { Clock } from '../../../component/runtime/clock.ts';
import { limitBackOff } from '../ews-error.ts';
import { callEwsLibrary, type EwsModule } from '../ews-library.ts';
import type { EwsAnswer, EwsTransport } from '../http/ews-transport.ts';
import { type BodyHandler, SoapReader } from '../xml/soap.ts';
import { escapeXml } from '../xml/xml-text.ts';

/** What Autodiscover says of one address. */
export type UserSettings =
  | {
      readonly kind: 'found';
      readonly url: string;
      /** Mailboxes of one group may share a streaming connection. */
      readonly group: string | undefined;
      /** The version of the server, for the log. */
      readonly version: string | undefined;
    }
  /** Ask again for another address. */
  | { readonly kind: 'redirect-address'; readonly address: string }
  /** Ask another service. */
  | { readonly kind: 'redirect-url'; readonly url: string }
  /** `mailbox-not-found` when this service knows no such user. */
  | { readonly kind: 'error'; readonly error: CalendarSourceError };

export type UserSettingsOptions = {
  readonly transport: EwsTransport;
  readonly clock: Clock;
  /** How long it may take, in milliseconds. */
  readonly limit: number;
  /** HTTP headers besides the usual ones. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal: AbortSignal;
};

/** Exchange takes a hundred; reading the answer for so many holds the process for 16 ms (measured), for these 8. */
export const MAX_USERS = 50;

/**
 * Asks an Autodiscover service for the EWS addresses of users: GetUserSettings (SOAP), by ews-javascript-api over our
 * transport. Redirects are not followed: they are answers.
 *
 * What was seen to go wrong in the library (0.15.3), and is kept from the caller:
 * - an error for the whole request (`ServerBusy`) ends in `throw undefined`: it is read before the library is asked
 * - so does an answer without `ServerVersionInfo` in its header, as Microsoft's own documentation has it: see `mend`
 * - a value whose `i:type` has a prefix is passed over: then the mailbox has no address, which is an error as well
 *
 * https://learn.microsoft.com/exchange/client-developer/web-service-reference/getusersettings-operation-soap
 *
 * @param addresses at most `MAX_USERS`
 * @returns one answer for each address, in their order
 * @throws CalendarSourceError when the request failed as a whole; the signal's reason when aborted
 */
export async function getUserSettings(
  options: UserSettingsOptions,
  addresses: readonly Mailbox[],
): Promise<readonly UserSettings[]> {
  const { transport, watched } = watch(options.transport, addresses.length);
  try {
    return await callEwsLibrary({ ...options, transport }, async (service, ews) => {
      mend(ews);
      const { ExternalEwsUrl, InternalEwsUrl, GroupingInformation, CasVersion } = ews.UserSettingName;
      const discovery = new ews.AutodiscoverService(new ews.Uri(transport.url), ews.ExchangeVersion.Exchange2013);
      discovery.XHRApi = service.XHRApi;
      discovery.Credentials = service.Credentials;
      const wanted = [ExternalEwsUrl, InternalEwsUrl, GroupingInformation, CasVersion];
      // The library writes them as they are.
      const answers = await discovery.GetUsersSettings(addresses.map(escapeXml), ...wanted);
      return addresses.map((_address, index) => readUser(answers.__thisIndexer(index), ews));
    });
  } catch (error) {
    const { redirect } = watched;
    if (redirect === undefined) throw error;
    return addresses.map(() => ({ kind: 'redirect-url', url: redirect }));
  }
}

/** What was seen of an answer on its way to the library. */
type Watched = { redirect: string | undefined };

/** The transport, with an eye on what the library would get wrong. */
function watch(inner: EwsTransport, users: number): { transport: EwsTransport; watched: Watched } {
  const watched: Watched = { redirect: undefined };
  const transport: EwsTransport = {
    url: inner.url,
    close: () => inner.close(),
    async post(request, sink) {
      const summary = new AnswerSummary();
      const soap = new SoapReader(summary);
      const answer = await inner.post(request, (text) => {
        soap.write(text);
        sink(text);
      });
      watched.redirect = redirectOf(answer, inner.url);
      if ([404, 405, 410].includes(answer.status)) throw notThere(answer.status);
      const { problem, fault, backOff } = soap.end();
      if (answer.status !== 200 || problem !== undefined || fault !== undefined) return answer;
      if (summary.errorCode !== 'NoError') throw errorOf(summary.errorCode ?? 'nothing', backOff);
      if (summary.users !== users) {
        throw new CalendarSourceError('malformed', `Autodiscover answered for ${summary.users} of ${users} addresses`);
      }
      return answer;
    },
  };
  return { transport, watched };
}

/** The code of the whole answer, and how many users it speaks of. */
class AnswerSummary implements BodyHandler {
  errorCode: string | undefined;
  users = 0;
  #depth = 0;

  open(name: string): void {
    this.#depth++;
    if (this.#depth === 4 && localName(name) === 'UserResponse') this.users++;
  }

  close(name: string, text: string): void {
    if (this.#depth === 3 && localName(name) === 'ErrorCode') this.errorCode = text.trim();
    this.#depth--;
  }
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/** The whole service may be elsewhere: a redirect of HTTP (RFC 9110 §15.4) stands for all addresses. */
function redirectOf({ status, headers }: EwsAnswer, base: string): string | undefined {
  const location = headers.get('location');
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined;
  return URL.canParse(location, base) ? new URL(location, base).href : undefined;
}

function readUser(response: GetUserSettingsResponse, ews: EwsModule): UserSettings {
  const { AutodiscoverErrorCode, UserSettingName } = ews;
  const target = textOf(response.RedirectTarget);
  switch (response.ErrorCode) {
    case AutodiscoverErrorCode.NoError:
      break;
    case AutodiscoverErrorCode.RedirectAddress:
      if (target !== undefined) return { kind: 'redirect-address', address: target };
      return { kind: 'error', error: nothingIn('the address to ask again for') };
    case AutodiscoverErrorCode.RedirectUrl:
      if (target !== undefined) return { kind: 'redirect-url', url: target };
      return { kind: 'error', error: nothingIn('the service to ask') };
    default:
      return { kind: 'error', error: errorOf(AutodiscoverErrorCode[response.ErrorCode] ?? 'an unknown code') };
  }
  const setting = (name: number) => textOf(response.Settings.get(name));
  const url = setting(UserSettingName.ExternalEwsUrl) ?? setting(UserSettingName.InternalEwsUrl);
  if (url === undefined) return { kind: 'error', error: nothingIn('the address of Exchange Web Services') };
  const group = setting(UserSettingName.GroupingInformation);
  return { kind: 'found', url, group, version: setting(UserSettingName.CasVersion) };
}

/** Longer than any address; what is kept for each of 500,000 mailboxes must not be as long as a server likes. */
const LONGEST_TEXT = 2_000;

/** What the library makes of an empty element, or of one with `i:nil`, is null or an object. */
function textOf(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value.trim() : '';
  return text === '' || text.length > LONGEST_TEXT ? undefined : text;
}

/** https://learn.microsoft.com/exchange/client-developer/web-service-reference/errorcode-soap */
const kinds: Readonly<Record<string, CalendarSourceErrorKind>> = {
  InvalidUser: 'mailbox-not-found',
  ServerBusy: 'throttled',
  InternalServerError: 'unreachable',
};

function errorOf(code: string, backOff?: number): CalendarSourceError {
  return new CalendarSourceError(kinds[code] ?? 'malformed', `Autodiscover answered ${code.slice(0, 60)}`, {
    ...limitBackOff(backOff),
    code,
  });
}

/** In place of what is said of EWS: with EWS's address in autodiscover.url nothing would be mended. */
function notThere(status: number): CalendarSourceError {
  const usual = 'it usually ends in /autodiscover/autodiscover.svc';
  return new CalendarSourceError('malformed', `HTTP ${status}: there is no Autodiscover at this address; ${usual}`);
}

function nothingIn(what: string): CalendarSourceError {
  return new CalendarSourceError('malformed', `Autodiscover answered without ${what}`, { code: 'INCOMPLETE' });
}

/** Nothing of the header is of use to us, and the library can't do without: see above. */
function mend(ews: EwsModule): void {
  // Not in the library's types, for it is not meant for use.
  const { AutodiscoverRequest } = ews as unknown as { AutodiscoverRequest: { prototype: { ReadSoapHeader(): void } } };
  AutodiscoverRequest.prototype.ReadSoapHeader = () => {};
}
