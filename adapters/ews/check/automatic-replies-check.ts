import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import { GetMailTipsReader, type MailTip, writeGetMailTips } from '../automatic-replies/get-mail-tips.ts';
import { errorOfAnswer } from '../ews-error.ts';
import { SoapReader } from '../xml/soap.ts';
import { anchorHeaders } from '../xml/soap-envelope.ts';
import { failed } from './advice.ts';
import type { AccountContext } from './check-context.ts';
import type { CheckFinding } from './check-finding.ts';
import type { ThrottlingSigns } from './throttling-signs.ts';

/** Whether the server tells of automatic replies, by the mail tips of the mailbox. */
export async function checkAutomaticReplies(context: AccountContext, signs: ThrottlingSigns): Promise<CheckFinding> {
  const { mailbox, account, signal, credentials } = context;
  const step = 'automatic-replies';
  if (mailbox === undefined) {
    return { step, severity: 'info', seen: 'not checked: it takes a sampleMailbox that is served here' };
  }
  try {
    const tip = await account.run(signal, () => askTip(context, mailbox));
    if (tip === 'unknown') {
      return {
        ...{ step, severity: 'warning', seen: `${mailbox}: the server does not tell of automatic replies` },
        advice: 'Check Get-OrganizationConfig for MailTipsAllTipsEnabled, and try another mailbox',
      };
    }
    const seen = tip === 'none' ? 'none' : tip === 'pending' ? 'the server will know later' : 'on';
    return { step, severity: 'ok', seen: `${mailbox}: ${seen}` };
  } catch (error) {
    if (!(error instanceof CalendarSourceError)) throw error;
    signs.failed(error);
    return failed(step, error, { scheme: credentials.scheme, mailbox });
  }
}

async function askTip({ transport, clock, impersonate, signal }: AccountContext, mailbox: Mailbox): Promise<MailTip> {
  const reader = new GetMailTipsReader();
  const soap = new SoapReader(reader);
  const body = writeGetMailTips([mailbox], impersonate ?? mailbox, impersonate);
  const request = { body, headers: anchorHeaders(impersonate), signal };
  const answer = await transport.post(request, (text) => soap.write(text));
  const message = soap.end();
  const error = errorOfAnswer(answer, message, clock.now());
  if (error !== undefined) throw error;
  const [tip = 'unknown'] = reader.tips(1, message.backOff);
  return tip;
}
