import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { availabilityRequest, post, texts } from '../../support/exchange-simulator/availability-client.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import { subscribeTo } from '../../support/exchange-simulator/notification-client.ts';
import { type AfterMove, Organisation } from '../../support/exchange-simulator/organisation.ts';

const mailboxes = ['alice@example.test', 'bob@example.test'];

let left: ExchangeSimulator;
let right: ExchangeSimulator;

beforeEach(async () => {
  const organisation = new Organisation();
  left = await startExchangeSimulator({ schemas: '', organisation, impersonation: true });
  right = await startExchangeSimulator({ schemas: '', organisation, impersonation: true });
  for (const mailbox of mailboxes) left.calendars.addMailbox(mailbox);
  left.calendars.book('bob@example.test', {
    start: new Date('2026-01-09T10:00:00Z'),
    end: new Date('2026-01-09T11:00:00Z'),
  });
});

afterEach(async () => {
  await left.stop();
  await right.stop();
});

async function codes(exchange: ExchangeSimulator): Promise<readonly string[]> {
  const response = await post(exchange, availabilityRequest({ mailboxes }));
  expect(response.status).toBe(200);
  return texts(await response.text(), 'ResponseCode');
}

function impersonating(address: string): string {
  const headers = `<t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>${address}</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>`;
  return availabilityRequest({ headers });
}

describe('a mailbox that has moved', () => {
  test('is answered for by its new server, with the calendar that it always had', async () => {
    left.moveMailbox('Bob@Example.test', right);
    const response = await post(right, availabilityRequest({ mailboxes: ['bob@example.test'] }));
    expect(texts(await response.text(), 'StartTime')).toEqual(['2026-01-09T10:00:00']);
  });

  test.each<[AfterMove | undefined, string]>([
    [undefined, 'ErrorProxyRequestNotAllowed'],
    ['not-found', 'ErrorMailRecipientNotFound'],
    ['proxied', 'NoError'],
  ])('has (%s) %s in its place on the old one, and the others their answers', async (afterMove, code) => {
    left.moveMailbox('bob@example.test', right, afterMove);
    expect(await codes(left)).toEqual(['NoError', code]);
  });

  test.each(['302', '451'] as const)('redirects every request that concerns it with %s', async (afterMove) => {
    left.moveMailbox('bob@example.test', right, afterMove);
    const response = await post(left, availabilityRequest({ mailboxes }));
    expect(response.status).toBe(Number(afterMove));
    expect(response.headers.get(afterMove === '302' ? 'location' : 'x-ms-location')).toBe(right.url);
    expect((await post(left, availabilityRequest({ mailboxes: ['alice@example.test'] }))).status).toBe(200);
    expect((await post(left, impersonating('bob@example.test'))).status).toBe(Number(afterMove));
  });

  test('can’t be impersonated on the old server', async () => {
    left.moveMailbox('bob@example.test', right);
    const response = await post(left, impersonating('bob@example.test'));
    expect(response.status).toBe(500);
    expect(texts(await response.text(), 'ResponseCode')).toEqual(['ErrorProxyRequestNotAllowed']);
    expect((await post(right, impersonating('bob@example.test'))).status).toBe(200);
  });

  test('loses its subscriptions, and no other does', async () => {
    for (const mailbox of mailboxes) await subscribeTo(left, mailbox);
    left.moveMailbox('bob@example.test', right);
    expect(left.notifications.subscriptions.map(({ mailbox }) => mailbox)).toEqual(['alice@example.test']);
  });

  test('can move back, and is then unknown where it came from', async () => {
    left.moveMailbox('bob@example.test', right);
    right.moveMailbox('bob@example.test', left);
    expect(await codes(left)).toEqual(['NoError', 'NoError']);
    expect(await codes(right)).toEqual(['NoError', 'ErrorProxyRequestNotAllowed']);
  });

  test('can’t move to a server of another organisation, nor when it is not there', async () => {
    const stranger = await startExchangeSimulator({ schemas: '' });
    try {
      expect(() => left.moveMailbox('bob@example.test', stranger)).toThrow('another organisation');
      expect(() => left.moveMailbox('nobody@example.test', right)).toThrow('no mailbox');
    } finally {
      await stranger.stop();
    }
  });
});
