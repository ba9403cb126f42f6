import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { TimeWindow } from '../../../component/calendar/timeline.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import { limitBackOff } from '../ews-error.ts';
import { kindOfResponseCode } from '../response-code.ts';
import { parseDateTime } from '../xml/date-time.ts';
import type { BodyHandler } from '../xml/soap.ts';
import { writeEnvelope } from '../xml/soap-envelope.ts';
import type { Attributes } from '../xml/xml-tag.ts';
import { escapeXml } from '../xml/xml-text.ts';

/**
 * What is known of a mailbox's automatic replies: that there are none, or some, for a while where it is known for how
 * long; `pending`: the server will know later; `unknown`: it will not say.
 */
export type MailTip = 'none' | 'pending' | 'unknown' | { readonly during: TimeWindow | undefined };

/**
 * A GetMailTips request for the automatic replies alone. It needs no more rights than sending a message does.
 *
 * https://learn.microsoft.com/exchange/client-developer/web-service-reference/getmailtips-operation
 */
export function writeGetMailTips(
  mailboxes: readonly Mailbox[],
  sendingAs: Mailbox,
  impersonate: Mailbox | undefined,
): string {
  return writeEnvelope(
    `<m:GetMailTips><m:SendingAs>${address(sendingAs)}</m:SendingAs>` +
      `<m:Recipients>${mailboxes.map((mailbox) => `<t:Mailbox>${address(mailbox)}</t:Mailbox>`).join('')}</m:Recipients>` +
      '<m:MailTipsRequested>OutOfOfficeMessage</m:MailTipsRequested></m:GetMailTips>',
    { impersonate },
  );
}

function address(mailbox: Mailbox): string {
  return `<t:EmailAddress>${escapeXml(mailbox)}</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType>`;
}

type Part = { failed: boolean; code: string; isPending: boolean; isReplying: boolean; start: number; end: number };

/** Reads the answer to GetMailTips. Feed it to a `SoapReader`, then ask for the `tips`. The replies' text is not kept. */
export class GetMailTipsReader implements BodyHandler {
  readonly #parts: Part[] = [];
  #part: Part | undefined;
  #isAnswer = false;
  #failed = false;
  #code = '';
  #isInReply = false;

  open(name: string, attributes: Attributes): void {
    switch (name) {
      case 'm:GetMailTipsResponse':
        this.#isAnswer = true;
        this.#failed = attributes.ResponseClass?.value === 'Error';
        break;
      case 'm:MailTipsResponseMessageType':
        this.#part = {
          failed: attributes.ResponseClass?.value === 'Error',
          ...{ code: '', isPending: false, isReplying: false, start: Number.NaN, end: Number.NaN },
        };
        this.#parts.push(this.#part);
        break;
      case 't:OutOfOffice':
        this.#isInReply = true;
        break;
    }
  }

  close(name: string, text: string): void {
    const part = this.#part;
    if (name === 'm:ResponseCode') {
      if (part === undefined) this.#code = text.trim();
      else part.code = text.trim();
    }
    if (part === undefined) return;
    switch (name) {
      case 't:PendingMailTips':
        part.isPending = /\b(OutOfOfficeMessage|All)\b/.test(text);
        break;
      case 't:Message':
        if (this.#isInReply) part.isReplying = text.trim() !== '';
        break;
      case 't:StartTime':
        if (this.#isInReply) part.start = parseDateTime(text);
        break;
      case 't:EndTime':
        if (this.#isInReply) part.end = parseDateTime(text);
        break;
      case 't:OutOfOffice':
        this.#isInReply = false;
        break;
      case 'm:MailTipsResponseMessageType':
        this.#part = undefined;
        break;
    }
  }

  /**
   * The tips of the mailboxes, which come in the order of the request.
   *
   * @param backOff how long the message as a whole asks to be left alone, in milliseconds
   * @throws CalendarSourceError when the request was refused as a whole, or when there are not as many as were asked for
   */
  tips(count: number, backOff: number | undefined): MailTip[] {
    if (!this.#isAnswer) {
      throw new CalendarSourceError('malformed', 'The server sent a SOAP message that does not answer the question');
    }
    const busy = this.#parts.find(({ failed, code }) => failed && kindOfResponseCode(code) === 'throttled');
    const code = busy?.code ?? (this.#failed ? this.#code : undefined);
    if (code !== undefined) {
      const options = { ...(code !== '' && { code }), ...limitBackOff(backOff) };
      throw new CalendarSourceError(kindOfResponseCode(code), `Exchange refused the mail tips: ${code}`, options);
    }
    if (this.#parts.length !== count) {
      throw new CalendarSourceError(
        'malformed',
        `The server sent ${this.#parts.length} mail tips for ${count} mailboxes`,
      );
    }
    return this.#parts.map(tipOf);
  }
}

function tipOf({ failed, isPending, isReplying, start, end }: Part): MailTip {
  if (failed) return 'unknown';
  if (isPending) return 'pending';
  if (!isReplying) return 'none';
  return { during: start < end ? { start, end } : undefined };
}
