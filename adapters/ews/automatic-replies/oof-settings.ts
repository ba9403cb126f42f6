import type { TimeWindow } from '../../../component/calendar/timeline.ts';
import type { Mailbox } from '../../../component/directory/directory.ts';
import { callEwsLibrary, type LibraryCallOptions } from '../ews-library.ts';
import { escapeXml } from '../xml/xml-text.ts';
import type { MailTip } from './get-mail-tips.ts';

/**
 * The automatic replies of one mailbox, as it set them: only itself may ask, or who acts in its name.
 *
 * https://learn.microsoft.com/exchange/client-developer/web-service-reference/getuseroofsettings-operation
 *
 * @throws CalendarSourceError; the signal's reason when aborted
 */
export function askOofSettings(options: LibraryCallOptions, mailbox: Mailbox): Promise<MailTip> {
  return callEwsLibrary({ ...options, impersonate: mailbox }, async (service, ews) => {
    const { State, Duration } = await service.GetUserOofSettings(escapeXml(mailbox));
    switch (State) {
      case ews.OofState.Enabled:
        return { during: undefined };
      case ews.OofState.Scheduled: {
        const start = Duration.StartTime.TotalMilliSeconds;
        const end = Duration.EndTime.TotalMilliSeconds;
        const during: TimeWindow | undefined = start < end ? { start, end } : undefined;
        return { during };
      }
      case ews.OofState.Disabled:
        return 'none';
      default:
        return 'unknown';
    }
  });
}
