import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { post, texts } from '../../support/exchange-simulator/availability-client.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import {
  openStream,
  type StreamClient,
  streamRequest,
  subscribeRequest,
  subscribeTo,
  unsubscribeRequest,
} from '../../support/exchange-simulator/notification-client.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const MINUTE = 60_000;
const alice = 'alice@example.test';
const bob = 'bob@example.test';
const start = new Date('2026-01-09T10:00:00Z');
const end = new Date('2026-01-09T11:00:00Z');

let clock: FakeClock;
let exchange: ExchangeSimulator;

beforeEach(async () => {
  clock = new FakeClock(Date.parse('2026-01-09T08:00:00Z'));
  exchange = await startExchangeSimulator({ clock, impersonation: (mailbox) => mailbox !== 'director@example.test' });
  for (const mailbox of [alice, bob, 'director@example.test']) exchange.calendars.addMailbox(mailbox);
});

afterEach(async () => {
  await exchange.stop();
  // Whatever happens to a stream, it leaves no timer behind.
  expect(clock.pending).toBe(0);
});

async function open(ids: readonly string[], timeout?: number): Promise<StreamClient> {
  const stream = await openStream(exchange, streamRequest(ids, timeout));
  await stream.until(({ envelopes }) => envelopes.length > 0);
  return stream;
}

async function ask(body: string): Promise<{ status: number; body: string }> {
  const response = await post(exchange, body);
  return { status: response.status, body: await response.text() };
}

describe('Subscribe', () => {
  test('gives each subscription an id of its own, and the log of requests knows for whom', async () => {
    const ids = [await subscribeTo(exchange, alice), await subscribeTo(exchange, 'Bob@Example.test ')];
    expect(new Set(ids).size).toBe(2);
    expect(ids[0]).toMatch(/^[\w+/]{40,}=*$/);
    expect(exchange.notifications.subscriptions.map(({ mailbox }) => mailbox)).toEqual([alice, bob]);
    expect(exchange.requests).toMatchObject([
      { operation: 'Subscribe', impersonated: alice, status: 200 },
      { operation: 'Subscribe', impersonated: bob, status: 200 },
    ]);
    expect(exchange.rejections).toEqual([]);
  });

  test.each([
    ['a mailbox that may not be impersonated', 'director@example.test', 'ErrorImpersonateUserDenied'],
    ['a mailbox that does not exist', 'nobody@example.test', 'ErrorNonExistentMailbox'],
  ])('for %s is a fault', async (_, mailbox, code) => {
    const { status, body } = await ask(subscribeRequest(mailbox));
    expect([status, texts(body, 'ResponseCode')]).toEqual([500, [code]]);
  });

  test.each([
    ['as a delegate', 'ErrorSubscriptionDelegateAccessNotSupported', undefined, alice],
    ['for somebody else than whom it impersonates', 'ErrorSubscriptionDelegateAccessNotSupported', bob, alice],
    ['for an account without a mailbox', 'ErrorMissingEmailAddress', undefined, undefined],
  ])('%s is an error', async (_, code, impersonated, owner) => {
    const mailbox = owner === undefined ? '' : `<t:Mailbox><t:EmailAddress>${owner}</t:EmailAddress></t:Mailbox>`;
    const folder = `<t:DistinguishedFolderId Id="calendar">${mailbox}</t:DistinguishedFolderId>`;
    const { status, body } = await ask(subscribeRequest(impersonated, { folder }));
    expect([status, texts(body, 'ResponseCode'), texts(body, 'SubscriptionId')]).toEqual([200, [code], []]);
  });

  test.each([
    ['no event types', 'ErrorSchemaValidation', subscribeRequest(alice, { types: [] })],
    ['an unknown event type', 'ErrorSchemaValidation', subscribeRequest(alice, { types: ['Changed'] })],
    ['no folder', 'ErrorSchemaValidation', subscribeRequest(alice, { folder: '' })],
    [
      'folders of two mailboxes',
      'ErrorInvalidSubscriptionRequest',
      subscribeRequest(alice, {
        folder: [alice, bob]
          .map((one) => `<t:Mailbox><t:EmailAddress>${one}</t:EmailAddress></t:Mailbox>`)
          .map((mailbox) => `<t:DistinguishedFolderId Id="calendar">${mailbox}</t:DistinguishedFolderId>`)
          .join(''),
      }),
    ],
    [
      'another kind of subscription',
      'ErrorInvalidRequest',
      subscribeRequest(alice).replaceAll('StreamingSubscriptionRequest', 'PullSubscriptionRequest'),
    ],
  ])('with %s is refused', async (_, code, body) => {
    const answer = await ask(body);
    expect([answer.status, texts(answer.body, 'ResponseCode')]).toEqual([500, [code]]);
    expect(exchange.rejections).toHaveLength(1);
  });
});

describe('a stream', () => {
  test('begins with OK, tells each change in several events, and names no subject', async () => {
    const [a, b] = [await subscribeTo(exchange, alice), await subscribeTo(exchange, bob)];
    const stream = await open([a, b]);
    expect(stream.headers['transfer-encoding']).toBe('chunked');
    expect(texts(stream.text, 'ConnectionStatus')).toEqual(['OK']);
    const id = exchange.calendars.book(alice, { start, end, subject: 'Secret' });
    await stream.until(({ envelopes }) => envelopes.length === 2);
    expect(texts(stream.text, 'SubscriptionId')).toEqual([a]);
    expect(stream.events).toEqual(['CreatedEvent', 'FreeBusyChangedEvent', 'ModifiedEvent']);
    expect(texts(stream.text, 'TimeStamp')[0]).toBe('2026-01-09T08:00:00Z');
    exchange.calendars.move(id, { start: end, end });
    await stream.until(({ envelopes }) => envelopes.length === 3);
    exchange.calendars.touch(id);
    await stream.until(({ envelopes }) => envelopes.length === 4);
    exchange.calendars.cancel(id);
    await stream.until(({ envelopes }) => envelopes.length === 5);
    expect(stream.events.slice(3)).toEqual(
      ['Modified', 'FreeBusyChanged', 'Modified', 'Modified', 'Modified', 'Moved', 'FreeBusyChanged', 'Modified'].map(
        (name) => `${name}Event`,
      ),
    );
    expect(stream.text).not.toContain('Secret');
    stream.close();
  });

  test('tells only the types that were asked for, and nothing of other folders', async () => {
    const few = await subscribeTo(exchange, alice, { types: ['FreeBusyChangedEvent'] });
    const body = await (
      await post(exchange, subscribeRequest(alice, { folder: '<t:DistinguishedFolderId Id="inbox"/>' }))
    ).text();
    const stream = await open([few, texts(body, 'SubscriptionId')[0] as string]);
    exchange.calendars.touch(exchange.calendars.book(alice, { start, end }));
    exchange.notifications.beat();
    await stream.until(({ envelopes }) => envelopes.length === 3);
    expect(stream.events).toEqual(['FreeBusyChangedEvent']);
    stream.close();
  });

  test('gives a sign of life when nothing was sent for 45 seconds, and ends with Closed after its time', async () => {
    const stream = await open([await subscribeTo(exchange, alice)], 2);
    clock.advance(44_999);
    exchange.calendars.book(alice, { start, end });
    await stream.until(({ events }) => events.length === 3);
    clock.advance(44_999);
    expect(texts(stream.text, 'ConnectionStatus')).toEqual(['OK']);
    clock.advance(1);
    await stream.until(({ envelopes }) => envelopes.length === 3);
    expect(texts(stream.text, 'ConnectionStatus')).toEqual(['OK', 'OK']);
    clock.advance(2 * MINUTE - 89_999);
    await stream.until(({ ending }) => ending !== undefined);
    expect(stream.ending).toBe('whole');
    expect(texts(stream.text, 'ConnectionStatus')).toEqual(['OK', 'OK', 'Closed']);
  });

  test('is told first what happened while there was none', async () => {
    const id = await subscribeTo(exchange, alice);
    exchange.calendars.book(alice, { start, end });
    const stream = await open([id]);
    await stream.until(({ events }) => events.length === 3);
    stream.close();
  });

  test.each<[string, () => void]>([
    ['its time is over', () => clock.advance(MINUTE)],
    [
      'a fault ends it',
      () => {
        exchange.faults.set({ kind: 'stream-cut', times: 1 });
        exchange.notifications.beat();
      },
    ],
  ])('keeps what happens just as %s for the next one', async (_, ends) => {
    const id = await subscribeTo(exchange, alice);
    const stream = await open([id], 1);
    ends();
    exchange.calendars.book(alice, { start, end });
    exchange.notifications.beat();
    await stream.until(({ ending }) => ending !== undefined);
    expect(stream.events).toEqual([]);
    const next = await open([id]);
    await next.until(({ events }) => events.length === 3);
    next.close();
  });

  test('that is opened a second time for a subscription takes it from the first', async () => {
    const [a, b] = [await subscribeTo(exchange, alice), await subscribeTo(exchange, bob)];
    const first = await open([a, b]);
    const second = await open([a]);
    await first.until(({ envelopes }) => envelopes.length === 2);
    expect(texts(first.envelopes[1] as string, 'ResponseCode')).toEqual(['ErrorNewEventStreamConnectionOpened']);
    expect(texts(first.envelopes[1] as string, 'SubscriptionId')).toEqual([a]);
    exchange.calendars.book(alice, { start, end });
    await second.until(({ events }) => events.length === 3);
    expect(first.events).toEqual([]);
    expect(first.ending).toBeUndefined();
    first.close();
    second.close();
  });

  test('goes on when one of its subscriptions is ended, and is closed with the last', async () => {
    const [a, b] = [await subscribeTo(exchange, alice), await subscribeTo(exchange, bob)];
    const stream = await open([a, b]);
    expect(texts((await ask(unsubscribeRequest(a))).body, 'ResponseCode')).toEqual(['NoError']);
    await stream.until(({ envelopes }) => envelopes.length === 2);
    expect(texts(stream.text, 'ResponseCode').at(-1)).toBe('ErrorSubscriptionUnsubscribed');
    expect(texts(stream.text, 'ConnectionStatus')).toEqual(['OK']);
    await ask(unsubscribeRequest(b));
    await stream.until(({ ending }) => ending !== undefined);
    expect(texts(stream.text, 'ConnectionStatus')).toEqual(['OK', 'Closed']);
    expect(texts((await ask(unsubscribeRequest(b))).body, 'ResponseCode')).toEqual(['ErrorSubscriptionNotFound']);
  });

  test.each<[string, () => void]>([
    ['the service starts again', () => exchange.notifications.restart()],
    ['its mailbox moves', () => exchange.notifications.loseMailbox(alice)],
    ['its mailbox is removed', () => exchange.calendars.removeMailbox(alice)],
  ])('hears that a subscription is lost when %s', async (_, happens) => {
    const id = await subscribeTo(exchange, alice);
    const stream = await open([id]);
    happens();
    await stream.until(({ ending }) => ending !== undefined);
    expect(texts(stream.envelopes.at(-1) as string, 'ResponseCode')).toEqual(['ErrorReadEventsFailed']);
    expect(texts(stream.envelopes.at(-1) as string, 'SubscriptionId')).toEqual([id]);
    const again = await ask(streamRequest([id]));
    expect(texts(again.body, 'ResponseCode')).toEqual(['ErrorSubscriptionNotFound']);
  });
});

describe('GetStreamingEvents', () => {
  test('with one bad id fails for all, and names the bad one', async () => {
    const good = await subscribeTo(exchange, alice);
    exchange.calendars.book(alice, { start, end });
    const { status, body } = await ask(streamRequest([good, 'AAAA', 'BBBB']));
    expect(status).toBe(200);
    expect(texts(body, 'ResponseCode')).toEqual(['ErrorSubscriptionNotFound']);
    expect(texts(body, 'SubscriptionId')).toEqual(['AAAA', 'BBBB']);
    expect(texts(body, 'ConnectionStatus')).toEqual(['Closed']);
    expect(body).not.toContain('CreatedEvent');
  });

  test('knows a subscription for 30 minutes without a connection, and as long as one is open', async () => {
    const id = await subscribeTo(exchange, alice);
    clock.advance(30 * MINUTE);
    const stream = await open([id]);
    clock.advance(29 * MINUTE);
    stream.close();
    await expect.poll(() => exchange.notifications.streams).toEqual([]);
    clock.advance(30 * MINUTE);
    expect(exchange.notifications.subscriptions).toHaveLength(1);
    clock.advance(1);
    expect(exchange.notifications.subscriptions).toEqual([]);
    expect(texts((await ask(streamRequest([id]))).body, 'ResponseCode')).toEqual(['ErrorSubscriptionNotFound']);
  });

  test('takes 200 ids and no more, for 1 to 30 minutes', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 200; i++) ids.push(await subscribeTo(exchange, alice));
    (await open(ids)).close();
    expect(exchange.rejections).toEqual([]);
    for (const [body, code] of [
      [streamRequest([...ids, ids[0] as string]), 'ErrorInvalidRequest'],
      [streamRequest([], 1), 'ErrorSchemaValidation'],
      [streamRequest(['AAAA'], 0), 'ErrorSchemaValidation'],
      [streamRequest(['AAAA'], 31), 'ErrorSchemaValidation'],
    ] as const) {
      expect(texts((await ask(body)).body, 'ResponseCode')).toEqual([code]);
    }
  });

  test('that nobody fetches events for misses some in the end', async () => {
    const id = await subscribeTo(exchange, alice);
    for (let i = 0; i < 334; i++) exchange.calendars.book(alice, { start, end });
    expect(texts((await ask(streamRequest([id]))).body, 'ResponseCode')).toEqual(['ErrorSubscriptionNotFound']);
  });
});

describe('a calendar file that is read again', () => {
  test('is heard as the changes that it makes, and no more', async () => {
    const today = Date.parse('2026-01-09T00:00:00Z');
    const load = (text: string): void => exchange.calendars.loadCalendars(text, { today, only: true });
    const same = `${alice}: [{ at: "10:00", until: "11:00" }, { at: "12:00", until: "13:00" }]`;
    load(`${same}\n${bob}: []`);
    const types = ['CreatedEvent', 'MovedEvent'];
    const ids = [await subscribeTo(exchange, alice, { types }), await subscribeTo(exchange, bob, { types })];
    const stream = await open(ids);
    load(`${same}\n${bob}: []`);
    load(same.replace('"13:00"', '"14:00"'));
    await stream.until(({ envelopes }) => envelopes.length >= 3);
    expect(stream.events).toEqual(['CreatedEvent', 'MovedEvent']);
    expect(exchange.notifications.subscriptions.map(({ mailbox }) => mailbox)).toEqual([alice]);
    expect(() => load(`${alice}: [{ at: 2026-01-09T10:00:00Z, until: 2026-01-09T09:00:00Z }]`)).toThrow(RangeError);
    expect(exchange.calendars.entries(alice)).toHaveLength(2);
    stream.close();
  });
});

describe('what is written', () => {
  test.each(['s', 'soap', 'soap11', 'SOAP', 'none'] as const)('may have the prefix %s', async (prefix) => {
    exchange.faults.set({ kind: 'response-style', prefix, messages: 'm', types: 't', pretty: true, cdata: true });
    const body = (await ask(subscribeRequest(alice))).body;
    const [, id = ''] = /SubscriptionId><!\[CDATA\[(.*?)]]>/.exec(body) ?? [];
    const stream = await open([id]);
    exchange.calendars.book(alice, { start, end });
    await stream.until(({ envelopes }) => envelopes.length === 2);
    expect(stream.text).toContain(prefix === 'none' ? '<Envelope' : `<${prefix}:Envelope`);
    stream.close();
  });

  test('may have several envelopes in a chunk, one for all, or an envelope over many chunks', async () => {
    const ids = [await subscribeTo(exchange, alice), await subscribeTo(exchange, bob)];
    const stream = await open(ids);
    const both = (): void => {
      exchange.calendars.book(alice, { start, end });
      exchange.calendars.book(bob, { start, end });
    };
    both();
    await stream.until(({ envelopes }) => envelopes.length === 3);
    expect(stream.chunks).toHaveLength(3);
    exchange.faults.set({ kind: 'stream-style', chunks: 'together' });
    both();
    await stream.until(({ envelopes }) => envelopes.length === 5);
    expect(stream.chunks).toHaveLength(4);
    exchange.faults.set({ kind: 'stream-style', envelopes: 'one' });
    both();
    await stream.until(({ envelopes }) => envelopes.length === 6);
    expect(texts(stream.envelopes[5] as string, 'SubscriptionId')).toEqual(ids);
    exchange.faults.set({ kind: 'stream-style', chunks: 7 });
    exchange.notifications.beat();
    await stream.until(({ envelopes }) => envelopes.length === 7);
    expect(stream.chunks.length).toBeGreaterThan(20);
    stream.close();
  });

  test('has Notification in the messages namespace, or where the schema has it', async () => {
    exchange.faults.set({ kind: 'response-style', messages: 'm', types: 't' });
    const stream = await open([await subscribeTo(exchange, alice)]);
    exchange.calendars.book(alice, { start, end });
    await stream.until(({ events }) => events.length === 3);
    expect(stream.text).toContain('<m:Notification>');
    exchange.faults.set({ kind: 'stream-style', notification: 'types' });
    exchange.calendars.book(alice, { start, end });
    await stream.until(({ events }) => events.length === 6);
    expect(stream.text).toContain('<t:Notification>');
    stream.close();
  });

  test('may have signs of life that look like events', async () => {
    exchange.faults.set({ kind: 'stream-style', heartbeats: 'status-event' });
    const ids = [await subscribeTo(exchange, alice), await subscribeTo(exchange, bob)];
    const stream = await open(ids);
    clock.advance(45_000);
    await stream.until(({ envelopes }) => envelopes.length === 2);
    expect(texts(stream.envelopes[1] as string, 'SubscriptionId')).toEqual(ids);
    expect(stream.envelopes[1]).toMatch(/<StatusEvent [^>]*\/>/);
    stream.close();
  });

  const schemas = process.env.EWS_SCHEMAS;
  test.skipIf(schemas === undefined)('is valid by the official schemas, where they are kept to', async () => {
    const { validateEws } = await import('../../support/exchange-simulator/schema.ts');
    exchange.faults.set({ kind: 'stream-style', notification: 'types', heartbeats: 'status-event' });
    for (const style of [{}, { messages: 'm', types: 't' }, { prefix: 'none', types: 'x' }] as const) {
      exchange.faults.set({ kind: 'response-style', ...style });
      const subscribed = (await ask(subscribeRequest(alice))).body;
      const [id = ''] = texts(subscribed, 'SubscriptionId');
      const stream = await open([id]);
      exchange.calendars.cancel(exchange.calendars.book(alice, { start, end }));
      exchange.notifications.beat();
      await stream.until(({ envelopes }) => envelopes.length === 3);
      const refused = (await ask(streamRequest(['AAAA']))).body;
      const unsubscribed = (await ask(unsubscribeRequest(id))).body;
      await stream.until(({ ending }) => ending !== undefined);
      for (const xml of [subscribed, refused, unsubscribed, ...stream.envelopes]) {
        expect(validateEws(xml, schemas as string), xml).toEqual([]);
      }
    }
  });
});

describe('a fault of a stream', () => {
  let id: string;

  beforeEach(async () => {
    id = await subscribeTo(exchange, alice);
  });

  test('may cut an envelope in two', async () => {
    const stream = await open([id]);
    exchange.faults.set({ kind: 'stream-cut', times: 1 });
    exchange.calendars.book(alice, { start, end });
    await stream.until(({ ending }) => ending !== undefined);
    expect(stream.ending).toBe('broken');
    expect(stream.envelopes).toHaveLength(1);
    expect(stream.text.length).toBeGreaterThan((stream.envelopes[0] as string).length + 100);
    (await open([id])).close();
  });

  test('may be silence, in which events are lost', async () => {
    const stream = await open([id]);
    exchange.faults.set({ kind: 'stream-silent' });
    exchange.calendars.book(alice, { start, end });
    await clock.pass(10 * MINUTE);
    exchange.faults.clear();
    clock.advance(45_000);
    await stream.until(({ envelopes }) => envelopes.length === 2);
    expect(stream.events).toEqual([]);
    stream.close();
  });

  test('may be garbage between envelopes', async () => {
    const stream = await open([id]);
    exchange.faults.set({ kind: 'stream-garbage', text: '\u0000<<', times: 1 });
    exchange.notifications.beat();
    exchange.notifications.beat();
    await stream.until(({ envelopes }) => envelopes.length === 3);
    expect(stream.text.split('\u0000<<')).toHaveLength(2);
    stream.close();
  });

  test('may be an end without Closed, after which the subscription lives', async () => {
    const stream = await open([id]);
    exchange.faults.set({ kind: 'stream-end', times: 1 });
    exchange.notifications.beat();
    await stream.until(({ ending }) => ending !== undefined);
    expect([stream.ending, texts(stream.text, 'ConnectionStatus')]).toEqual(['whole', ['OK']]);
    (await open([id])).close();
  });

  test('may be an error for the whole stream', async () => {
    const stream = await open([id]);
    exchange.faults.set({ kind: 'stream-error', code: 'ErrorMailboxStoreUnavailable', times: 1 });
    exchange.notifications.beat();
    await stream.until(({ ending }) => ending !== undefined);
    expect(texts(stream.text, 'ResponseCode')).toEqual(['NoError', 'ErrorMailboxStoreUnavailable']);
  });

  test('may be a slow first byte', async () => {
    exchange.faults.set({ kind: 'stream-late', delay: 60_000, times: 1 });
    let began = false;
    const opening = openStream(exchange, streamRequest([id])).then((stream) => {
      began = true;
      return stream;
    });
    await expect.poll(() => exchange.notifications.streams).toEqual([[id]]);
    exchange.calendars.book(alice, { start, end });
    exchange.notifications.beat();
    clock.advance(59_999);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(began).toBe(false);
    clock.advance(1);
    const stream = await opening;
    await stream.until(({ events }) => events.length === 3);
    stream.close();
  });

  test.each([
    [{ kind: 'unauthorized' }, 401],
    [{ kind: 'busy-fault' }, 500],
    [{ kind: 'unavailable' }, 503],
    [{ kind: 'busy-in-200' }, 200],
    [{ kind: 'html' }, 200],
  ] as const)('may come before it: %o for its operation only', async (fault, status) => {
    exchange.faults.set({ ...fault, operation: 'GetStreamingEvents', times: 1 });
    expect(texts((await ask(subscribeRequest(bob))).body, 'ResponseCode')).toEqual(['NoError']);
    const refused = await ask(streamRequest([id]));
    expect(refused.status).toBe(status);
    expect(refused.body).not.toContain('ConnectionStatus>OK');
    (await open([id])).close();
  });
});
