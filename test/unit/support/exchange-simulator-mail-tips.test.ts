import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { availabilityRequest, post, texts } from '../../support/exchange-simulator/availability-client.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import { envelope } from '../../support/exchange-simulator/notification-client.ts';

const NOW = Date.parse('2026-03-29T12:00:00Z');
const hours = (count: number): number => NOW + count * 3_600_000;

let exchange: ExchangeSimulator;

beforeEach(async () => {
  exchange = await startExchangeSimulator({
    schemas: '',
    now: () => NOW,
    impersonation: (mailbox) => mailbox === 'alice@example.test',
  });
  for (const name of ['alice', 'bob', 'gateway']) exchange.calendars.addMailbox(`${name}@example.test`);
});

afterEach(async () => {
  await exchange.stop();
});

function mailTipsRequest(mailboxes: readonly string[], asked = 'OutOfOfficeMessage'): string {
  const address = (mailbox: string): string =>
    `<t:EmailAddress>${mailbox}</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType>`;
  const recipients = mailboxes.map((mailbox) => `<t:Mailbox>${address(mailbox)}</t:Mailbox>`).join('');
  return envelope(
    `<m:GetMailTips><m:SendingAs>${address('gateway@example.test')}</m:SendingAs>` +
      `<m:Recipients>${recipients}</m:Recipients><m:MailTipsRequested>${asked}</m:MailTipsRequested></m:GetMailTips>`,
  );
}

function oofRequest(mailbox: string, impersonated?: string): string {
  const address = `<t:Address>${mailbox}</t:Address>`;
  return envelope(
    `<m:GetUserOofSettingsRequest><t:Mailbox>${address}</t:Mailbox></m:GetUserOofSettingsRequest>`,
    impersonated,
  );
}

async function ask(body: string): Promise<string> {
  const response = await post(exchange, body);
  expect(response.status).toBe(200);
  return await response.text();
}

describe('GetMailTips', () => {
  test('tells of replies that are sent now, with their schedule if they have one', async () => {
    exchange.calendars.automaticReply('alice@example.test', { text: 'Back <soon>', start: NOW, end: hours(1) });
    exchange.calendars.automaticReply('bob@example.test', { text: 'Gone for good' });
    const answer = await ask(mailTipsRequest(['alice@example.test', 'bob@example.test', 'gateway@example.test']));
    expect(texts(answer, 'EmailAddress')).toEqual(['alice@example.test', 'bob@example.test', 'gateway@example.test']);
    expect(texts(answer, 'Message')).toEqual(['Back &lt;soon&gt;', 'Gone for good']);
    expect(answer.match(/<Message\/>/g)).toHaveLength(1);
    expect(texts(answer, 'StartTime')).toEqual(['2026-03-29T12:00:00']);
    expect(texts(answer, 'EndTime')).toEqual(['2026-03-29T13:00:00']);
    expect(exchange.rejections).toEqual([]);
  });

  test('says nothing of a reply before its time, after it, or that was switched off', async () => {
    exchange.calendars.automaticReply('alice@example.test', { text: 'Later', start: hours(1), end: hours(2) });
    exchange.calendars.automaticReply('bob@example.test', { text: 'Before', start: hours(-1), end: NOW });
    exchange.calendars.automaticReply('gateway@example.test', { text: 'Never mind' });
    exchange.calendars.automaticReply('gateway@example.test', undefined);
    const answer = await ask(mailTipsRequest(['alice@example.test', 'bob@example.test', 'gateway@example.test']));
    expect(texts(answer, 'Message')).toEqual([]);
    expect(texts(answer, 'Duration')).toEqual([]);
  });

  test('knows no replies of an address that is not in the directory', async () => {
    const answer = await ask(mailTipsRequest(['nobody@example.test'], 'OutOfOfficeMessage InvalidRecipient'));
    expect(answer).not.toContain('OutOfOffice>');
    expect(texts(answer, 'InvalidRecipient')).toEqual(['true']);
  });

  test('gives an error for the whole when there are more than fifty recipients', async () => {
    const many = Array.from({ length: 51 }, (_, index) => `user${index}@example.test`);
    expect(texts(await ask(mailTipsRequest(many.slice(1))), 'ResponseCode')).toHaveLength(51);
    const answer = await ask(mailTipsRequest(many));
    expect(texts(answer, 'ResponseCode')).toEqual(['ErrorInvalidRequest']);
    expect(answer).toMatch(/<GetMailTipsResponse [^>]*ResponseClass="Error"/);
  });

  test('leaves out what it has not found out in time, and names it', async () => {
    exchange.calendars.automaticReply('alice@example.test', { text: 'Away' });
    exchange.faults.set({ kind: 'pending-mail-tips', times: 1 });
    const pending = await ask(mailTipsRequest(['alice@example.test']));
    expect(texts(pending, 'PendingMailTips')).toEqual(['OutOfOfficeMessage']);
    expect(pending).not.toContain('OutOfOffice>');
    expect(texts(await ask(mailTipsRequest(['alice@example.test'])), 'Message')).toEqual(['Away']);
  });

  test('gives one recipient an error in its place', async () => {
    exchange.faults.set({ kind: 'mailbox-error', mailbox: 'alice@example.test', code: 'ErrorMailboxStoreUnavailable' });
    const answer = await ask(mailTipsRequest(['alice@example.test', 'bob@example.test']));
    expect(texts(answer, 'ResponseCode')).toEqual(['NoError', 'ErrorMailboxStoreUnavailable', 'NoError']);
  });

  test.each(['Vacation', 'OutOfOfficeMessage,MailboxFullStatus', ''])('refuses the unknown tip "%s"', async (asked) => {
    const response = await post(exchange, mailTipsRequest(['alice@example.test'], asked));
    expect(response.status).toBe(500);
    expect(await response.text()).toContain('ErrorSchemaValidation');
  });
});

describe('GetUserOofSettings', () => {
  test('is denied to everyone but the owner and those who impersonate him', async () => {
    exchange.calendars.automaticReply('alice@example.test', { text: 'Away' });
    expect(texts(await ask(oofRequest('alice@example.test')), 'ResponseCode')).toEqual(['ErrorAccessDenied']);
    expect(texts(await ask(oofRequest('gateway@example.test')), 'OofState')).toEqual(['Disabled']);
    const answer = await ask(oofRequest('alice@example.test', 'alice@example.test'));
    expect(texts(answer, 'OofState')).toEqual(['Enabled']);
    expect(texts(answer, 'Message')).toEqual(['Away', 'Away']);
    const other = await ask(oofRequest('bob@example.test', 'alice@example.test'));
    expect(texts(other, 'ResponseCode')).toEqual(['ErrorAccessDenied']);
  });

  test('shows a schedule before it has begun, and a duration that means nothing without one', async () => {
    exchange.calendars.automaticReply('alice@example.test', { text: 'Later', start: hours(24), end: hours(48) });
    const scheduled = await ask(oofRequest('alice@example.test', 'alice@example.test'));
    expect(texts(scheduled, 'OofState')).toEqual(['Scheduled']);
    expect(texts(scheduled, 'StartTime')).toEqual(['2026-03-30T12:00:00']);
    expect(texts(scheduled, 'EndTime')).toEqual(['2026-03-31T12:00:00']);
    exchange.calendars.automaticReply('alice@example.test', undefined);
    const disabled = await ask(oofRequest('alice@example.test', 'alice@example.test'));
    expect(texts(disabled, 'OofState')).toEqual(['Disabled']);
    expect(texts(disabled, 'StartTime')).toHaveLength(1);
  });

  test('knows no mailbox that is not there', async () => {
    expect(texts(await ask(oofRequest('nobody@example.test')), 'ResponseCode')).toEqual(['ErrorMailRecipientNotFound']);
  });
});

const schemas = process.env.EWS_SCHEMAS;

// The schemas are Microsoft's and not part of this repository.
describe.skipIf(schemas === undefined)(
  'by the official schemas (skipped unless EWS_SCHEMAS names their folder)',
  () => {
    test.each([
      {},
      { messages: 'm', types: 't', pretty: true, offsets: 'Z' },
      { prefix: 'none', cdata: true, offsets: 'zone' },
    ] as const)('requests and answers are valid in the style %o', async (style) => {
      const { validateEws } = await import('../../support/exchange-simulator/schema.ts');
      exchange.faults.set({ kind: 'response-style', ...style });
      exchange.calendars.automaticReply('alice@example.test', { text: 'Away & out', start: NOW, end: hours(1) });
      const requests = [
        mailTipsRequest(['alice@example.test', 'bob@example.test', 'nobody@example.test'], 'All'),
        mailTipsRequest(Array.from({ length: 51 }, () => 'bob@example.test')),
        oofRequest('alice@example.test', 'alice@example.test'),
        oofRequest('bob@example.test'),
        oofRequest('gateway@example.test'),
      ];
      for (const request of requests) {
        expect(validateEws(request, schemas as string)).toEqual([]);
        expect(validateEws(await ask(request), schemas as string)).toEqual([]);
      }
      exchange.faults.set({ kind: 'pending-mail-tips' });
      expect(validateEws(await ask(mailTipsRequest(['alice@example.test'])), schemas as string)).toEqual([]);
      exchange.faults.set({ kind: 'busy-in-200' });
      for (const request of requests) expect(validateEws(await ask(request), schemas as string)).toEqual([]);
    });
  },
);

test('a schedule with one end, or the wrong way round, is refused', () => {
  const { calendars } = exchange;
  expect(() => calendars.automaticReply('alice@example.test', { text: '', start: NOW })).toThrow(RangeError);
  expect(() => calendars.automaticReply('alice@example.test', { text: '', start: NOW, end: NOW })).toThrow(RangeError);
});

test('replies are no entries of the calendar', async () => {
  exchange.calendars.automaticReply('alice@example.test', { text: 'Away' });
  expect(texts(await ask(availabilityRequest()), 'BusyType')).toEqual([]);
});
