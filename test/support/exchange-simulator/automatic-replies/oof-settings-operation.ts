// GetUserOofSettings: the automatic replies of one mailbox, for its owner and whoever impersonates him.
// docs: GetUserOofSettings operation, UserOofSettings, OofState, Duration (UserOofSettings), AllowExternalOof,
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/getuseroofsettings-operation
//       messages.xsd (GetUserOofSettingsResponse), types.xsd (UserOofSettings)
// From judgement: the errors are in the response message; a Duration that means nothing is there without a schedule too;
// an account is the owner of the mailbox whose address begins with its name.

import type { Calendars } from '../calendars.ts';
import type { Faults } from '../faults.ts';
import { type HttpAnswer, XML } from '../http-answer.ts';
import { TYPES } from '../namespaces.ts';
import type { Asked, Caller, Operation } from '../operation.ts';
import { readChildren } from '../request-reader.ts';
import { writeResponseMessage } from '../response-message.ts';
import { namesOf, type ResponseStyle, type SoapFault, writeEnvelope, writeText } from '../soap.ts';
import type { XmlElement } from '../xml-element.ts';
import type { AutomaticReply } from './automatic-reply.ts';
import { writeDuration } from './duration.ts';

const HOUR = 3_600_000;

type OofRequest = Asked & { readonly mailboxes: readonly [string] };

export type OofWorld = { readonly calendars: Calendars; readonly faults: Faults; readonly now: () => number };

export function getUserOofSettings({ calendars, faults, now }: OofWorld): Operation<OofRequest> {
  return {
    read(element) {
      const { Mailbox } = readChildren(element, TYPES, { Mailbox: '1' });
      const parts = readChildren(Mailbox[0] as XmlElement, TYPES, { Name: '?', Address: '1', RoutingType: '?' });
      return { mailboxes: [(parts.Address[0] as XmlElement).text.trim()] };
    },
    answer({ mailboxes: [mailbox] }, caller) {
      const { style } = faults;
      const failure = faults.takeMailboxFault(mailbox, 'GetUserOofSettingsRequest');
      if (failure !== undefined) {
        return writeAnswer(style, { code: failure.code, message: failure.message ?? `No settings for ${mailbox}.` });
      }
      if (calendars.access(mailbox) === undefined) {
        const message = `No object of the directory has the address ${mailbox}.`;
        return writeAnswer(style, { code: 'ErrorMailRecipientNotFound', message });
      }
      if (!isOwner(caller, mailbox)) {
        return writeAnswer(style, { code: 'ErrorAccessDenied', message: 'User is not mailbox owner.' });
      }
      return writeAnswer(style, undefined, writeSettings(style, calendars.replyOf(mailbox), now()));
    },
    refuse(_request, error) {
      return writeAnswer(faults.style, error);
    },
  };
}

function isOwner({ account, impersonated }: Caller, mailbox: string): boolean {
  const address = mailbox.toLowerCase();
  return impersonated === undefined ? address.split('@')[0] === account.toLowerCase() : address === impersonated;
}

function writeSettings(style: ResponseStyle, reply: AutomaticReply | undefined, now: number): string {
  const { m, t, openTypes } = namesOf(style);
  const element = (name: string, content: string): string => `<${t}${name}>${content}</${t}${name}>`;
  const state = reply === undefined ? 'Disabled' : reply.start === undefined ? 'Enabled' : 'Scheduled';
  // Without a schedule Exchange still has one, of some day.
  const begun = Math.floor(now / HOUR) * HOUR;
  const message = element('Message', writeText(style, reply?.text ?? ''));
  const settings =
    element('OofState', state) +
    element('ExternalAudience', 'All') +
    writeDuration(style, Number(reply?.start ?? begun), Number(reply?.end ?? begun + 24 * HOUR)) +
    element('InternalReply', message) +
    element('ExternalReply', message);
  const allow = `<${m}AllowExternalOof>All</${m}AllowExternalOof>`;
  return `<${t}OofSettings${openTypes}>${settings}</${t}OofSettings>${allow}`;
}

function writeAnswer(style: ResponseStyle, error: SoapFault | undefined, settings = ''): HttpAnswer {
  const { m, open } = namesOf(style);
  const message = writeResponseMessage(style, 'ResponseMessage', error);
  const answer = `<${m}GetUserOofSettingsResponse${open}>${message}${settings}</${m}GetUserOofSettingsResponse>`;
  return { status: 200, headers: XML, body: writeEnvelope(style, answer) };
}
