import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { availabilityRequest, post, texts } from '../../support/exchange-simulator/availability-client.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import {
  openStream,
  streamRequest,
  subscribeRequest,
  subscribeTo,
} from '../../support/exchange-simulator/notification-client.ts';

const anchor = 'anchor@example.test';
const others = Array.from({ length: 8 }, (_, i) => `user${i}@example.test`);
const affine = { 'x-anchormailbox': anchor, 'x-preferserveraffinity': 'true' };

let exchange: ExchangeSimulator;

beforeEach(async () => {
  exchange = await startExchangeSimulator({ impersonation: true, backends: 4 });
  for (const mailbox of [anchor, ...others]) exchange.calendars.addMailbox(mailbox);
});

afterEach(async () => {
  expect(exchange.rejections).toEqual([]);
  await exchange.stop();
});

/** Subscribes for the anchor, and returns the cookie that was set. */
async function anchored(): Promise<{ id: string; cookie: string; setCookies: readonly string[] }> {
  const response = await post(exchange, subscribeRequest(anchor), affine);
  const setCookies = response.headers.getSetCookie();
  const cookie = setCookies.find((one) => one.startsWith('X-BackEndOverrideCookie='))?.split(';')[0] ?? '';
  return { id: texts(await response.text(), 'SubscriptionId')[0] as string, cookie, setCookies };
}

async function codesOf(ids: readonly string[], headers: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const stream = await openStream(exchange, streamRequest(ids), headers);
  await stream.until(({ envelopes }) => envelopes.length > 0);
  stream.close();
  return texts(stream.text, 'ResponseCode');
}

describe('mailboxes on several backends', () => {
  test('requests that say nothing land anywhere, the same places for the same seed', async () => {
    const landed = async (seed: number): Promise<readonly number[]> => {
      const one = await startExchangeSimulator({ backends: 4, seed });
      for (let i = 0; i < 20; i++) await (await post(one, availabilityRequest())).text();
      await one.stop();
      return one.requests.map(({ backend }) => backend);
    };
    const places = await landed(7);
    expect(new Set(places).size).toBe(4);
    expect(await landed(7)).toEqual(places);
    expect(await landed(8)).not.toEqual(places);
  });

  test('subscriptions of a group are heard on one stream, with the headers and the cookie', async () => {
    const { id, cookie } = await anchored();
    const headers = { ...affine, cookie };
    const ids = [id];
    for (const mailbox of others) ids.push(await subscribeTo(exchange, mailbox, { headers }));
    expect(new Set(exchange.notifications.subscriptions.map(({ backend }) => backend)).size).toBe(1);
    expect(await codesOf(ids, headers)).toEqual(['NoError']);
  });

  test('without the headers they are spread, and no stream has them all', async () => {
    const ids: string[] = [];
    for (const mailbox of others) ids.push(await subscribeTo(exchange, mailbox));
    expect(new Set(exchange.notifications.subscriptions.map(({ backend }) => backend)).size).toBeGreaterThan(1);
    expect(await codesOf(ids, {})).toEqual(['ErrorSubscriptionNotFound']);
  });

  test.each([
    ['cookie alone', (cookie: string) => ({ cookie })],
    ['cookie and anchor', (cookie: string) => ({ cookie, 'x-anchormailbox': anchor })],
    ['cookie and preference', (cookie: string) => ({ cookie, 'x-preferserveraffinity': 'true' })],
  ])('the %s does not route', async (_, headersFor) => {
    const { cookie } = await anchored();
    const before = exchange.requests.length;
    for (let i = 0; i < 12; i++) await (await post(exchange, availabilityRequest(), headersFor(cookie))).text();
    expect(new Set(exchange.requests.slice(before).map(({ backend }) => backend)).size).toBeGreaterThan(1);
  });

  test('the cookie is set with the first answer of a group only, and where affinity is wanted', async () => {
    const { cookie, setCookies } = await anchored();
    expect(cookie).toMatch(/^X-BackEndOverrideCookie=ex0\d\.example\.test~\d+$/);
    expect(setCookies.find((one) => one.startsWith('X-BackEndOverrideCookie='))).toMatch(/; path=\/; HttpOnly$/);
    const second = await post(exchange, subscribeRequest(others[0]), { ...affine, cookie });
    await second.text();
    const unwanted = await post(exchange, subscribeRequest(others[0]), { 'x-anchormailbox': anchor });
    await unwanted.text();
    for (const { headers } of [second, unwanted]) {
      expect(headers.getSetCookie().join()).not.toContain('X-BackEndOverrideCookie');
      expect(headers.getSetCookie().join()).toContain('exchangecookie=');
    }
  });

  test('after the anchor has moved the cookie leads where its group still is, the anchor alone elsewhere', async () => {
    const { cookie } = await anchored();
    const headers = { ...affine, cookie };
    const id = await subscribeTo(exchange, others[0] as string, { headers });
    const before = exchange.notifications.subscriptions[0]?.backend ?? 0;
    exchange.notifications.moveMailbox(anchor, (before + 1) % 4);
    expect(exchange.notifications.subscriptions.map(({ mailbox }) => mailbox)).toEqual([others[0]]);
    expect(await codesOf([id], headers)).toEqual(['NoError']);
    expect(await codesOf([id], affine)).toEqual(['ErrorSubscriptionNotFound']);
  });

  test('when one backend starts again only its subscriptions are lost', async () => {
    for (const mailbox of others) await subscribeTo(exchange, mailbox);
    const { subscriptions } = exchange.notifications;
    exchange.notifications.restart(0);
    expect(exchange.notifications.subscriptions).toEqual(subscriptions.filter(({ backend }) => backend !== 0));
    expect(exchange.notifications.subscriptions.length).toBeLessThan(subscriptions.length);
  });
});
