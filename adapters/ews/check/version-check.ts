import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { DAY } from '../../../component/runtime/clock.ts';
import { callEwsLibrary } from '../ews-library.ts';
import { escapeXml } from '../xml/xml-text.ts';
import { failed } from './advice.ts';
import { type AccountContext, nobody } from './check-context.ts';
import type { CheckFinding } from './check-finding.ts';
import { adviceOnVersion, describeVersion } from './server-version.ts';
import type { ThrottlingSigns } from './throttling-signs.ts';

/** The server's version by ews-javascript-api, which thereby shows that it, too, can speak to this server. */
export async function checkVersion(context: AccountContext, signs: ThrottlingSigns): Promise<CheckFinding> {
  const { mailbox, clock, account, signal, requestLimit } = context;
  const now = clock.now();
  try {
    const call = { ...context, limit: requestLimit };
    const version = await account.run(signal, () =>
      callEwsLibrary(call, async (service, ews) => {
        const at = (instant: number) => new ews.DateTime(instant, ews.DateTimeKind.Utc);
        // Whole days, and two of them: the library cuts the times of day off, and refuses a window without a length.
        const window = new ews.TimeWindow(at(now), at(now + 2 * DAY));
        const options = new ews.AvailabilityOptions();
        // Its default asks for subjects and places.
        options.RequestedFreeBusyView = ews.FreeBusyViewType.FreeBusy;
        await service.GetUserAvailability(
          // The library writes it as it is.
          [new ews.AttendeeInfo(escapeXml(mailbox ?? nobody(context)))],
          window,
          ews.AvailabilityData.FreeBusy,
          options,
        );
        return service.ServerInfo;
      }),
    );
    if (version === null || version === undefined) {
      return { step: 'version', severity: 'info', seen: 'the server does not say' };
    }
    const advice = adviceOnVersion(version);
    const seen = describeVersion(version);
    return advice === undefined
      ? { step: 'version', severity: 'ok', seen }
      : { step: 'version', severity: 'info', seen, advice };
  } catch (error) {
    if (!(error instanceof CalendarSourceError)) throw error;
    signs.failed(error);
    return failed('version', error, { scheme: context.credentials.scheme, mailbox });
  }
}
