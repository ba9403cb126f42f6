import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { availabilityRequest, post, texts } from '../../support/exchange-simulator/availability-client.ts';
import {
  type ExchangeSimulator,
  type ExchangeSimulatorOptions,
  startExchangeSimulator,
} from '../../support/exchange-simulator/exchange-simulator.ts';
import {
  openStream,
  type StreamClient,
  streamRequest,
  subscribeRequest,
  subscribeTo,
} from '../../support/exchange-simulator/notification-client.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const alice = 'alice@example.test';
const bob = 'bob@example.test';

let exchange: ExchangeSimulator;

async function start(options: ExchangeSimulatorOptions): Promise<void> {
  exchange = await startExchangeSimulator({ impersonation: true, ...options });
  onTestFinished(() => exchange.stop());
  for (const mailbox of [alice, bob]) exchange.calendars.addMailbox(mailbox);
}

async function open(ids: readonly string[], mailbox?: string): Promise<StreamClient> {
  const stream = await openStream(exchange, streamRequest(ids, 30, mailbox));
  await stream.until(({ envelopes }) => envelopes.length > 0);
  return stream;
}

function codes({ text }: StreamClient): readonly string[] {
  return texts(text, 'ResponseCode');
}

afterEach(() => {
  expect(exchange.rejections).toEqual([]);
});

describe('requests at once', () => {
  const impersonating = (mailbox: string): string =>
    `<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>${mailbox}</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>`;

  test('are charged to the account, or to the mailbox that it impersonates', async () => {
    await start({ concurrency: 1 });
    exchange.faults.set({ kind: 'hang', times: 2 });
    const abort = new AbortController();
    const hanging = [availabilityRequest(), availabilityRequest({ headers: impersonating(alice) })].map((body) =>
      fetch(exchange.url, {
        method: 'POST',
        body,
        headers: { 'content-type': 'text/xml; charset=utf-8', authorization: `Basic ${btoa('gateway:secret')}` },
        signal: abort.signal,
      }).catch(() => undefined),
    );
    await expect.poll(() => exchange.requests.length).toBe(2);
    const statuses: number[] = [];
    for (const headers of ['', impersonating(alice), impersonating(bob)]) {
      const response = await post(exchange, availabilityRequest({ headers }));
      statuses.push(response.status);
      const body = await response.text();
      if (response.status === 500) expect(texts(body, 'ResponseCode')).toEqual(['ErrorExceededConnectionCount']);
    }
    expect(statuses).toEqual([500, 500, 200]);
    abort.abort();
    await Promise.all(hanging);
    await expect.poll(async () => (await post(exchange)).status).toBe(200);
  });

  test('that are refused for their password are not counted', async () => {
    await start({ concurrency: 1, think: 30 });
    const wrong = { authorization: `Basic ${btoa('gateway:wrong')}` };
    const answers = await Promise.all([
      post(exchange, availabilityRequest(), wrong),
      post(exchange, availabilityRequest(), wrong),
      post(exchange),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 200]);
  });
});

describe('streams', () => {
  test('are charged to the impersonated anchor, apart from other requests', async () => {
    await start({ hangingConnections: 2, concurrency: 1 });
    const ids = [];
    for (let i = 0; i < 5; i++) ids.push(await subscribeTo(exchange, alice));
    const streams = [await open(ids.slice(0, 1), alice), await open(ids.slice(1, 2), alice)];
    const refused = await open(ids.slice(2, 3), alice);
    expect([refused.status, codes(refused)]).toEqual([500, ['ErrorExceededConnectionCount']]);
    streams.push(await open(ids.slice(2, 3), bob), await open(ids.slice(3, 4)));
    expect(streams.map(codes)).toEqual([['NoError'], ['NoError'], ['NoError'], ['NoError']]);
    expect((await post(exchange)).status).toBe(200);
    streams[0]?.close();
    await expect.poll(() => exchange.notifications.streams.length).toBe(3);
    expect(codes(await open(ids.slice(4), alice))).toEqual(['NoError']);
  });

  test.each([
    ['10 by default', {}, 10],
    ['3 as on Exchange 2013', { hangingConnections: 3 }, 3],
  ])('are %s', async (_, options, most) => {
    await start(options);
    for (let i = 0; i < most; i++) expect(codes(await open([await subscribeTo(exchange, alice)]))).toEqual(['NoError']);
    expect(codes(await open([await subscribeTo(exchange, alice)]))).toEqual(['ErrorExceededConnectionCount']);
  });
});

describe('subscriptions', () => {
  test('are charged to each mailbox, and free again when they end', async () => {
    await start({ subscriptions: 20 });
    const ids = [];
    for (let i = 0; i < 20; i++) ids.push(await subscribeTo(exchange, alice));
    const refused = await (await post(exchange, subscribeRequest(alice))).text();
    expect(texts(refused, 'ResponseCode')).toEqual(['ErrorExceededSubscriptionCount']);
    await subscribeTo(exchange, bob);
    exchange.notifications.loseMailbox(alice);
    await subscribeTo(exchange, alice);
  });
});

describe('the budget', () => {
  test('is used up by requests, then all are refused with the time until it is balanced', async () => {
    const clock = new FakeClock(Date.parse('2026-01-09T08:00:00Z'));
    // Each request costs a second, and a second brings one back: after four there are 1.5 too many.
    const budget = { burst: 2_500, rechargeRate: 3_600_000, cutoffBalance: 1_000, cost: 1_000 };
    await start({ clock, budget });
    const ask = async (): Promise<{ status: number; body: string }> => {
      const response = await post(exchange);
      return { status: response.status, body: await response.text() };
    };
    for (let i = 0; i < 4; i++) expect((await ask()).status).toBe(200);
    const busy = await ask();
    expect([busy.status, texts(busy.body, 'ResponseCode')]).toEqual([500, ['ErrorServerBusy']]);
    expect(texts(busy.body, 'Value')).toContain('1500');
    clock.advance(1_499);
    expect((await ask()).status).toBe(500);
    clock.advance(1);
    expect((await ask()).status).toBe(200);
  });

  test('of one mailbox is not that of another', async () => {
    const clock = new FakeClock(Date.parse('2026-01-09T08:00:00Z'));
    await start({ clock, budget: { burst: 0, rechargeRate: 1, cutoffBalance: 0, cost: 1 } });
    await subscribeTo(exchange, alice);
    const busy = await (await post(exchange, subscribeRequest(alice))).text();
    expect(texts(busy, 'ResponseCode')).toEqual(['ErrorServerBusy']);
    await subscribeTo(exchange, bob);
  });
});
