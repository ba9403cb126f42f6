import type { FreeBusyAnswer } from '../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../component/calendar/calendar-source-error.ts';
import type { Mailbox } from '../../component/directory/directory.ts';
import { isXmlText } from './xml/xml-text.ts';

/** Whether an address can be written into a request at all. One that can't would fail the whole batch. */
export function isPossible(mailbox: Mailbox): boolean {
  return mailbox.trim() !== '' && isXmlText(mailbox);
}

/** The answer for one that can't. */
export function impossible(mailbox: Mailbox): FreeBusyAnswer {
  return { mailbox, error: new CalendarSourceError('mailbox-not-found', 'No mailbox can have such an address') };
}
