import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { GetUserAvailabilityReader, writeGetUserAvailability } from '../../../adapters/ews/get-user-availability.ts';
import { SoapReader } from '../../../adapters/ews/xml/soap.ts';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';

const NINE = Date.UTC(2026, 2, 2, 9);
const HOUR = 3_600_000;
const window = { start: NINE - HOUR, end: NINE + 48 * HOUR };
const wholeWindow = { ...window, status: 'NoData' };
const schemas = process.env.EWS_SCHEMAS ?? '';

const success = '<ResponseMessage ResponseClass="Success"><ResponseCode>NoError</ResponseCode></ResponseMessage>';

function view(inside: string, type = '<FreeBusyViewType>FreeBusy</FreeBusyViewType>'): string {
  const types = type.replace('>', ' xmlns="http://schemas.microsoft.com/exchange/services/2006/types">');
  return `<FreeBusyView>${types}${inside}</FreeBusyView>`;
}

function events(...entries: string[]): string {
  const inside = entries.map((entry) => `<CalendarEvent>${entry}</CalendarEvent>`).join('');
  const xmlns = 'http://schemas.microsoft.com/exchange/services/2006/types';
  return `<CalendarEventArray xmlns="${xmlns}">${inside}</CalendarEventArray>`;
}

function entry(start: string, end: string, type = 'Busy'): string {
  return `<StartTime>${start}</StartTime><EndTime>${end}</EndTime><BusyType>${type}</BusyType>`;
}

function answer(...responses: string[]): string {
  const array = responses.map((response) => `<FreeBusyResponse>${response}</FreeBusyResponse>`).join('');
  return (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>' +
    '<GetUserAvailabilityResponse xmlns="http://schemas.microsoft.com/exchange/services/2006/messages">' +
    `<FreeBusyResponseArray>${array}</FreeBusyResponseArray></GetUserAvailabilityResponse></s:Body></s:Envelope>`
  );
}

function refusal(code: string, extra = ''): string {
  return `<ResponseMessage ResponseClass="Error"><ResponseCode>${code}</ResponseCode>${extra}</ResponseMessage>`;
}

function read(xml: string, mailboxes = ['alice@example.com']) {
  const reader = new GetUserAvailabilityReader(window);
  const soap = new SoapReader(reader);
  soap.write(xml);
  const { problem, backOff } = soap.end();
  expect(problem).toBeUndefined();
  return { answers: reader.answers(mailboxes, backOff), oddities: [...reader.oddities] };
}

/** The periods that the one mailbox of an answer gets. */
function periods(xml: string) {
  const [only] = read(xml).answers;
  return only !== undefined && 'periods' in only ? only.periods : only?.error;
}

function failure(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

describe('the request', () => {
  test('asks for free/busy in UTC, for nothing more', () => {
    const request = writeGetUserAvailability(["o'neill&sons@example.com", 'bob@example.com'], {
      start: NINE + 500,
      end: NINE + HOUR + 500,
    });
    expect(request).toBe(
      '<?xml version="1.0" encoding="utf-8"?>' +
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">' +
        '<s:Header><t:RequestServerVersion Version="Exchange2013"/></s:Header>' +
        '<s:Body><m:GetUserAvailabilityRequest><t:TimeZone><t:Bias>0</t:Bias>' +
        '<t:StandardTime><t:Bias>0</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>1</t:DayOrder><t:Month>10</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime>' +
        '<t:DaylightTime><t:Bias>0</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>1</t:DayOrder><t:Month>3</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:DaylightTime></t:TimeZone>' +
        '<m:MailboxDataArray>' +
        "<t:MailboxData><t:Email><t:Address>o'neill&#38;sons@example.com</t:Address></t:Email><t:AttendeeType>Required</t:AttendeeType></t:MailboxData>" +
        '<t:MailboxData><t:Email><t:Address>bob@example.com</t:Address></t:Email><t:AttendeeType>Required</t:AttendeeType></t:MailboxData>' +
        '</m:MailboxDataArray><t:FreeBusyViewOptions><t:TimeWindow>' +
        '<t:StartTime>2026-03-02T09:00:00</t:StartTime><t:EndTime>2026-03-02T10:00:01</t:EndTime>' +
        '</t:TimeWindow><t:RequestedView>FreeBusy</t:RequestedView></t:FreeBusyViewOptions>' +
        '</m:GetUserAvailabilityRequest></s:Body></s:Envelope>',
    );
  });

  test.skipIf(schemas === '')('is valid by the official schema', async () => {
    expect(readdirSync(schemas)).toContain('messages.xsd');
    const { validateEws } = await import('../../support/exchange-simulator/schema.ts');
    const request = writeGetUserAvailability(['alice@example.com', 'a&b<c>"d"@example.com'], window);
    expect(validateEws(request, schemas)).toEqual([]);
    const inOtherName = writeGetUserAvailability(['alice@example.com'], window, {
      impersonate: "o'neill&@example.com",
    });
    expect(inOtherName).toContain("<t:PrimarySmtpAddress>o'neill&#38;@example.com</t:PrimarySmtpAddress>");
    expect(validateEws(inOtherName, schemas)).toEqual([]);
    expect(validateEws(request.replace('FreeBusy</t:RequestedView', 'Nothing</t:RequestedView'), schemas)).not.toEqual(
      [],
    );
  });
});

describe('the answer', () => {
  test('gives the entries of each mailbox, whole, in the order of the request', () => {
    const xml = answer(
      success +
        view(
          events(
            entry('2026-03-02T09:00:00', '2026-03-02T10:00:00'),
            entry('2020-01-01T00:00:00', '2030-01-01T00:00:00', 'OOF'),
          ),
        ),
      success + view('<CalendarEventArray xmlns="http://schemas.microsoft.com/exchange/services/2006/types"/>'),
    );
    expect(read(xml, ['alice@example.com', 'bob@example.com'])).toEqual({
      answers: [
        {
          mailbox: 'alice@example.com',
          periods: [
            { start: NINE, end: NINE + HOUR, status: 'Busy' },
            { start: Date.UTC(2020, 0), end: Date.UTC(2030, 0), status: 'OOF' },
          ],
        },
        { mailbox: 'bob@example.com', periods: [] },
      ],
      oddities: [],
    });
  });

  test.each(['Free', 'Tentative', 'Busy', 'OOF', 'WorkingElsewhere', 'NoData'])('knows the busy type %s', (type) => {
    const xml = answer(success + view(events(entry('2026-03-02T09:00:00', '2026-03-02T10:00:00', ` ${type}\n`))));
    expect(periods(xml)).toEqual([{ start: NINE, end: NINE + HOUR, status: type }]);
  });

  test('takes an unknown busy type for no data, and tells it', () => {
    const xml = answer(success + view(events(entry('2026-03-02T09:00:00', '2026-03-02T10:00:00', 'Focusing'))));
    expect(periods(xml)).toEqual([{ start: NINE, end: NINE + HOUR, status: 'NoData' }]);
    expect(read(xml).oddities).toEqual(['Focusing']);
  });

  test('takes an entry without a busy type for no data', () => {
    const xml = answer(
      success + view(events('<StartTime>2026-03-02T09:00:00Z</StartTime><EndTime>2026-03-02T10:00:00Z</EndTime>')),
    );
    expect(periods(xml)).toEqual([{ start: NINE, end: NINE + HOUR, status: 'NoData' }]);
  });

  test.each([
    ['None', '<FreeBusyViewType>None</FreeBusyViewType>', ''],
    [
      'MergedOnly',
      '<FreeBusyViewType>MergedOnly</FreeBusyViewType>',
      '<MergedFreeBusy xmlns="http://schemas.microsoft.com/exchange/services/2006/types">0000</MergedFreeBusy>',
    ],
    ['nothing', '', ''],
  ])('takes a view of %s for no data, not for free', (_name, type, inside) => {
    expect(periods(answer(success + view(inside, type)))).toEqual([wholeWindow]);
    expect(periods(answer(success))).toEqual([wholeWindow]);
  });

  test.each(['FreeBusy', 'FreeBusyMerged', 'Detailed', 'DetailedMerged', 'Detailed FreeBusy'])(
    'takes a view of %s without entries for free',
    (type) => {
      expect(periods(answer(success + view('', `<FreeBusyViewType>${type}</FreeBusyViewType>`)))).toEqual([]);
    },
  );

  test('reads the busy type, not the merged digits, and of details nothing', () => {
    const t = 'xmlns="http://schemas.microsoft.com/exchange/services/2006/types"';
    const details =
      '<CalendarEventDetails><ID>1</ID><Subject>Busy</Subject><Location>OOF</Location></CalendarEventDetails>';
    const merged = `<MergedFreeBusy ${t}>33334444</MergedFreeBusy>`;
    const hours = `<WorkingHours ${t}><TimeZone><Bias>480</Bias></TimeZone></WorkingHours>`;
    const entries = events(entry('2026-03-02T09:00:00', '2026-03-02T10:00:00', 'Tentative') + details);
    const xml = answer(success + view(merged + entries + hours));
    expect(periods(xml)).toEqual([{ start: NINE, end: NINE + HOUR, status: 'Tentative' }]);
    expect(JSON.stringify(read(xml))).not.toContain('Location');
  });

  test('lets an entry of no length be', () => {
    const xml = answer(success + view(events(entry('2026-03-02T09:00:00', '2026-03-02T09:00:00'))));
    expect(periods(xml)).toEqual([{ start: NINE, end: NINE, status: 'Busy' }]);
  });

  test.each([
    ['no begin', '', '2026-03-02T10:00:00'],
    ['a begin in words', 'soon', '2026-03-02T10:00:00'],
    ['a begin on no day', '2026-13-45T99:00:00', '2026-03-02T10:00:00'],
    ['a begin as people write it', '02.03.2026 09:00', '2026-03-02T10:00:00'],
    ['an end on the 30th of February', '2026-02-01T09:00:00', '2026-02-30T10:00:00'],
    ['an end before its begin', '2026-03-02T10:00:00', '2026-03-02T09:59:59'],
    ['the smallest time of all', '0001-01-01T00:00:00', '2026-03-02T10:00:00'],
    ['the smallest time in another zone', '0001-01-01T00:00:00+02:00', '2026-03-02T10:00:00'],
    ['the greatest time of all', '2026-03-02T10:00:00', '9999-12-31T23:59:59.9999999'],
  ])('is an error for the mailbox with %s, whatever else it says, and for no other', (_name, start, end) => {
    const good = entry('2026-03-02T09:00:00', '2026-03-02T10:00:00');
    const xml = answer(success + view(events(good, entry(start, end))), success + view(events(good)));
    const { answers, oddities } = read(xml, ['alice@example.com', 'bob@example.com']);
    expect(answers[0]).toMatchObject({ mailbox: 'alice@example.com', error: { kind: 'malformed' } });
    expect(answers[1]).toEqual({
      mailbox: 'bob@example.com',
      periods: [{ start: NINE, end: NINE + HOUR, status: 'Busy' }],
    });
    expect(oddities.every((oddity) => [start, end].includes(oddity))).toBe(true);
  });

  test.each([
    ['an entry without its end', '<StartTime>2026-03-02T09:00:00</StartTime><BusyType>Free</BusyType>'],
    ['two begins', `<StartTime>2026-03-02T08:00:00</StartTime>${entry('2026-03-02T09:00:00', '2026-03-02T10:00:00')}`],
    ['two busy types', `${entry('2026-03-02T09:00:00', '2026-03-02T10:00:00')}<BusyType>Free</BusyType>`],
    ['a busy type that is cut in two', entry('2026-03-02T09:00:00', '2026-03-02T10:00:00', 'Not<b/>Free')],
  ])('is an error for the mailbox with %s', (_name, inside) => {
    expect(periods(answer(success + view(events(inside))))).toMatchObject({ kind: 'malformed' });
  });

  test('is an error for a mailbox with more entries than Exchange sends', () => {
    const one = entry('2026-03-02T09:00:00', '2026-03-02T10:00:00');
    const with1000 = answer(success + view(events(...Array.from({ length: 1_000 }, () => one))));
    expect(periods(with1000)).toHaveLength(1_000);
    const withMore = answer(success + view(events(...Array.from({ length: 2_001 }, () => one))));
    expect(periods(withMore)).toMatchObject({ kind: 'malformed' });
  });

  test('reads nothing from elements that are where they do not belong', () => {
    const meeting = events(entry('2026-03-02T09:00:00', '2026-03-02T10:00:00'));
    const inside = success + view(meeting);
    const xml = answer(
      `${success}<Extension><FreeBusyResponse>${inside}</FreeBusyResponse>${view(meeting)}</Extension>${view(events())}`,
    );
    expect(periods(xml)).toEqual([]);
  });

  test.each([
    ['ErrorMailRecipientNotFound', 'mailbox-not-found'],
    ['ErrorNonExistentMailbox', 'mailbox-not-found'],
    ['ErrorNoFreeBusyAccess', 'access-denied'],
    ['ErrorMailboxLogonFailed', 'unreachable'],
    ['ErrorProxyRequestProcessingFailed', 'unreachable'],
    ['ErrorFreeBusyGenerationFailed', 'unreachable'],
    ['ErrorSomethingNew', 'malformed'],
    ['', 'malformed'],
  ])('gives the mailbox with %s the error %s, and the others their entries', (code, kind) => {
    const { answers } = read(answer(refusal(code), success + view(events())), ['alice@example.com', 'bob@example.com']);
    expect(answers[0]).toMatchObject({ mailbox: 'alice@example.com', error: { kind, ...(code !== '' && { code }) } });
    expect(answers[1]).toEqual({ mailbox: 'bob@example.com', periods: [] });
  });

  test('takes an error code for an error even where the class says Success', () => {
    const xml = answer(refusal('ErrorNoFreeBusyAccess').replace('"Error"', '"Success"') + view(events()));
    expect(periods(xml)).toMatchObject({ kind: 'access-denied' });
  });

  test.each(['ErrorServerBusy', 'ErrorExceededConnectionCount'])(
    'takes %s of half the mailboxes for a throttled request',
    (code) => {
      const backOff =
        '<MessageXml><t:Value xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" Name="BackOffMilliseconds">7000</t:Value></MessageXml>';
      const xml = answer(success + view(events()), refusal(code, backOff));
      const error = failure(() => read(xml, ['alice@example.com', 'bob@example.com']));
      expect(error).toBeInstanceOf(CalendarSourceError);
      expect(error).toMatchObject({ kind: 'throttled', code, retryAfter: 7000 });
    },
  );

  test('takes "busy" for a few of the mailboxes for their own error: the others’ answers are not lost for it', () => {
    const xml = answer(refusal('ErrorServerBusy'), success + view(events()), success + view(events()));
    expect(read(xml, ['a@example.com', 'b@example.com', 'c@example.com']).answers).toMatchObject([
      { mailbox: 'a@example.com', error: { kind: 'throttled' } },
      { mailbox: 'b@example.com', periods: [] },
      { mailbox: 'c@example.com', periods: [] },
    ]);
    const four = ['a@example.com', 'b@example.com', 'c@example.com', 'd@example.com'];
    expect(failure(() => read(xml, four))).toMatchObject({ kind: 'throttled' });
  });

  test.each([0, 1, 3])('is discarded as a whole when it has %i responses for 2 mailboxes', (count) => {
    const xml = answer(...Array.from({ length: count }, () => success + view(events())));
    expect(failure(() => read(xml, ['alice@example.com', 'bob@example.com']))).toMatchObject({ kind: 'malformed' });
  });

  test('is discarded when it answers another question', () => {
    const xml = answer(success).replaceAll('GetUserAvailabilityResponse', 'GetFolderResponse');
    expect(failure(() => read(xml))).toMatchObject({ kind: 'malformed' });
  });
});
