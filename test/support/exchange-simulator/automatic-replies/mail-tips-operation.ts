// GetMailTips, as far as automatic replies go: what a sender would be told of the recipients, for many at once.
// docs: GetMailTips operation, MailTips, PendingMailTips, OutOfOffice (MailTips), MaxRecipientsPerGetMailTipsRequest,
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/getmailtips-operation
//       messages.xsd (GetMailTipsType, GetMailTipsResponseMessageType), types.xsd (MailTips, OutOfOfficeMailTip)
// From judgement: too many recipients are ErrorInvalidRequest for the whole, with HTTP 200; a reply that is scheduled but
// not yet sent is not told of; everyone may see the tips, wherever in the organisation the mailbox lives.

import type { Calendars } from '../calendars.ts';
import type { Faults } from '../faults.ts';
import { type HttpAnswer, XML } from '../http-answer.ts';
import { MESSAGES, TYPES } from '../namespaces.ts';
import type { Asked, Operation } from '../operation.ts';
import { Refusal, readChildren, readWord } from '../request-reader.ts';
import { writeResponseMessage } from '../response-message.ts';
import { namesOf, type ResponseStyle, type SoapFault, writeEnvelope, writeText } from '../soap.ts';
import type { XmlElement } from '../xml-element.ts';
import { isReplying } from './automatic-reply.ts';
import { writeDuration } from './duration.ts';

const types = [
  'All',
  'OutOfOfficeMessage',
  'MailboxFullStatus',
  'CustomMailTip',
  'ExternalMemberCount',
  'TotalMemberCount',
  'MaxMessageSize',
  'DeliveryRestriction',
  'ModerationStatus',
  'InvalidRecipient',
  'Scope',
  'RecipientSuggestions',
  'PreferAccessibleContent',
] as const;

type MailTipsRequest = Asked & { readonly mailboxes: readonly string[]; readonly asked: ReadonlySet<string> };

export type MailTipsWorld = {
  readonly calendars: Calendars;
  readonly faults: Faults;
  readonly now: () => number;
  readonly limits: Readonly<MailTipsLimits>;
};

export type MailTipsLimits = {
  /** MaxRecipientsPerGetMailTipsRequest. */
  mailTips: number;
};

export function getMailTips({ calendars, faults, now, limits }: MailTipsWorld): Operation<MailTipsRequest> {
  return {
    read(element) {
      const parts = readChildren(element, MESSAGES, { SendingAs: '1', Recipients: '1', MailTipsRequested: '1' });
      readAddress(parts.SendingAs[0] as XmlElement);
      const { Mailbox } = readChildren(parts.Recipients[0] as XmlElement, TYPES, { Mailbox: '*' });
      const [{ text }] = parts.MailTipsRequested as readonly [XmlElement];
      const asked = text.trim().split(/\s+/);
      for (const one of asked) readWord({ ...(parts.MailTipsRequested[0] as XmlElement), text: one }, types);
      return { mailboxes: Mailbox.map(readAddress), asked: new Set(asked) };
    },
    answer({ mailboxes, asked }, _caller, fault) {
      const { style } = faults;
      if (mailboxes.length > limits.mailTips) {
        const message = `Tips are given for ${limits.mailTips} recipients at most, not for ${mailboxes.length}.`;
        return writeAnswer(style, '', { code: 'ErrorInvalidRequest', message });
      }
      const messages = mailboxes.map((mailbox) => {
        const failure = faults.takeMailboxFault(mailbox, 'GetMailTips');
        if (failure !== undefined) {
          const { code, message = `No tips for ${mailbox}.` } = failure;
          return writeResponseMessage(style, 'MailTipsResponseMessageType', { code, message });
        }
        const isPending = fault?.kind === 'pending-mail-tips';
        const tips = writeTips(style, mailbox, asked, isPending ? 'pending' : calendars, now());
        return writeResponseMessage(style, 'MailTipsResponseMessageType', undefined, tips);
      });
      return writeAnswer(style, messages.join(''));
    },
    refuse({ mailboxes }, error) {
      const message = writeResponseMessage(faults.style, 'MailTipsResponseMessageType', error);
      return writeAnswer(faults.style, mailboxes.map(() => message).join(''));
    },
  };
}

function readAddress(mailbox: XmlElement): string {
  const parts = readChildren(mailbox, TYPES, {
    Name: '?',
    EmailAddress: '?',
    RoutingType: '?',
    MailboxType: '?',
    ItemId: '?',
    OriginalDisplayName: '?',
  });
  const address = parts.EmailAddress[0]?.text.trim() ?? '';
  if (!address.includes('@')) throw new Refusal('ErrorInvalidSmtpAddress', `${mailbox.local} has no SMTP address`);
  return address;
}

function writeTips(
  style: ResponseStyle,
  mailbox: string,
  asked: ReadonlySet<string>,
  calendars: Calendars | 'pending',
  now: number,
): string {
  const { m, t, openTypes } = namesOf(style);
  const wants = (type: string): boolean => asked.has('All') || asked.has(type);
  const tip = (name: string, content: string): string => `<${t}${name}${openTypes}>${content}</${t}${name}>`;
  const inner = (name: string, content: string): string => `<${t}${name}>${content}</${t}${name}>`;
  const recipient = tip(
    'RecipientAddress',
    inner('Name', '') + inner('EmailAddress', writeText(style, mailbox)) + inner('RoutingType', 'SMTP'),
  );
  // What could not be found out in time is named, and left out.
  const pending = calendars === 'pending' ? [...asked].join(' ') : '';
  let tips = `${recipient}${tip('PendingMailTips', pending)}`;
  if (calendars !== 'pending') {
    const isKnown = calendars.access(mailbox) !== undefined;
    if (isKnown && wants('OutOfOfficeMessage')) tips += tip('OutOfOffice', writeReply(style, mailbox, calendars, now));
    if (wants('MailboxFullStatus')) tips += tip('MailboxFull', 'false');
    if (wants('InvalidRecipient')) tips += tip('InvalidRecipient', String(!isKnown));
  }
  return `<${m}MailTips>${tips}</${m}MailTips>`;
}

/** An empty message: nothing is sent. */
function writeReply(style: ResponseStyle, mailbox: string, calendars: Calendars, now: number): string {
  const { t } = namesOf(style);
  const reply = calendars.replyOf(mailbox);
  if (reply === undefined || !isReplying(reply, now)) return `<${t}ReplyBody><${t}Message/></${t}ReplyBody>`;
  const body = `<${t}ReplyBody><${t}Message>${writeText(style, reply.text)}</${t}Message></${t}ReplyBody>`;
  const { start, end } = reply;
  return start === undefined || end === undefined ? body : `${body}${writeDuration(style, Number(start), Number(end))}`;
}

function writeAnswer(style: ResponseStyle, messages: string, error?: SoapFault): HttpAnswer {
  const { m, open } = namesOf(style);
  const all = error === undefined ? `<${m}ResponseMessages>${messages}</${m}ResponseMessages>` : '';
  // The answer as a whole is a response message, and holds one for each recipient.
  const whole = writeResponseMessage(style, 'GetMailTipsResponse', error, all);
  return {
    status: 200,
    headers: XML,
    body: writeEnvelope(style, whole.replace(' ResponseClass', `${open} ResponseClass`)),
  };
}
