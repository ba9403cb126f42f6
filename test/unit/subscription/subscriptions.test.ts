import { describe, expect, test } from 'vitest';
import { RuleDirectory } from '../../../component/directory/rule-directory.ts';
import type { MailboxVerdict } from '../../../component/subscription/subscription.ts';
import { SubscriptionPolicy, type WatcherRule } from '../../../component/subscription/subscription-policy.ts';
import { Subscriptions } from '../../../component/subscription/subscriptions.ts';
import { subscriptionsIn } from '../../contract/every-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

async function setUp({
  store = new MemoryStore(),
  maxSubscriptions = 500,
  rules = [],
}: {
  store?: MemoryStore;
  maxSubscriptions?: number;
  rules?: WatcherRule[];
} = {}) {
  const said: string[] = [];
  const watched = new Set<string>();
  const hurried: string[] = [];
  const touched: string[] = [];
  const verdicts = new Map<string, MailboxVerdict>();
  const logger = new RecordingLogger();
  const clock = new FakeClock(1000);
  const subscriptions = new Subscriptions({
    store,
    logger,
    clock,
    directory: new RuleDirectory({
      rule: '{local}@example.com',
      domains: [],
      contacts: new Map([['boss', 'alice@example.com']]),
    }),
    policy: new SubscriptionPolicy({ domains: ['example.net'], rules, maxSubscriptions }),
    mailboxes: {
      verdict: (mailbox) => verdicts.get(mailbox) ?? 'unanswered',
      hurry: (mailbox) => hurried.push(mailbox),
      touched: (mailbox) => touched.push(mailbox),
      begin: (mailbox) => watched.add(mailbox),
      end: (mailbox) => watched.delete(mailbox),
    },
    voice: {
      say: (saying, contact, to) => said.push(`${saying} ${contact}→${to}`),
      lastWatcherLeft: (contact) => said.push(`${contact} has no watcher`),
    },
  });
  await subscriptions.load();
  const rows = async () => {
    const all = await subscriptionsIn(store);
    return all.map(({ contact, watcher, state }) => `${contact} ${watcher} ${state}`);
  };
  const settled = async () => {
    await subscriptions.settled();
    return said.splice(0);
  };
  return { subscriptions, watched, hurried, touched, verdicts, logger, store, clock, rows, settled };
}

describe('a watcher who asks', () => {
  test('waits until Exchange has answered for the mailbox, and is then told', async () => {
    const { subscriptions, watched, rows, settled } = await setUp();
    void subscriptions.subscribe('alice', 'bob@example.net');
    expect(await settled()).toEqual([]);
    expect([...watched]).toEqual(['alice@example.com']);
    expect(await rows()).toEqual(['alice bob@example.net pending']);
    subscriptions.answered('alice@example.com', 'known');
    expect(await settled()).toEqual(['subscribed alice→bob@example.net', 'presence alice→bob@example.net']);
    expect(await rows()).toEqual(['alice bob@example.net subscribed']);
  });

  test('and asks again has one row', async () => {
    const { subscriptions, verdicts, rows, settled } = await setUp();
    verdicts.set('alice@example.com', 'known');
    for (let i = 0; i < 3; i++) void subscriptions.subscribe('alice', 'bob@example.net');
    expect((await settled()).filter((line) => line.startsWith('subscribed'))).toHaveLength(3);
    expect(await rows()).toHaveLength(1);
  });

  test('and asks again while Exchange has not answered makes it be asked again soon', async () => {
    const { subscriptions, hurried, settled } = await setUp();
    void subscriptions.subscribe('alice', 'bob@example.net');
    await settled();
    hurried.length = 0;
    void subscriptions.subscribe('alice', 'bob@example.net');
    await settled();
    expect(hurried).toEqual(['alice@example.com']);
  });

  test('in vain gets the same word, whether forbidden or asking for nobody', async () => {
    const { subscriptions, verdicts, rows, watched, logger, settled } = await setUp();
    verdicts.set('nobody@example.com', 'not-found');
    void subscriptions.subscribe('alice', 'eve@evil.example');
    void subscriptions.subscribe('nobody', 'bob@example.net');
    expect(await settled()).toEqual(['unsubscribed alice→eve@evil.example', 'unsubscribed nobody→bob@example.net']);
    expect([await rows(), [...watched]]).toEqual([[], []]);
    // The administrator learns the reason.
    const refusals = logger.entries.filter(({ message }) => message === 'Subscription refused');
    expect(refusals.map(({ fields }) => fields.reason)).toEqual(['policy', 'mailbox-not-found']);
  });

  test('for more than the limit is refused, and keeps what there is', async () => {
    const { subscriptions, verdicts, rows, settled } = await setUp({ maxSubscriptions: 2 });
    for (const contact of ['a', 'b', 'c']) {
      verdicts.set(`${contact}@example.com`, 'known');
      // All at once: the limit holds nevertheless.
      void subscriptions.subscribe(contact, 'bob@example.net');
    }
    await settled();
    expect(await rows()).toHaveLength(2);
    void subscriptions.subscribe('c', 'bob@example.net');
    expect(await settled()).toEqual(['unsubscribed c→bob@example.net']);
    void subscriptions.unsubscribe('a', 'bob@example.net');
    void subscriptions.subscribe('c', 'bob@example.net');
    expect(await settled()).toContain('subscribed c→bob@example.net');
  });
});

test('a mailbox is lively for each subscription to it and each probe by one who may, and for nothing else', async () => {
  const { subscriptions, verdicts, touched, settled } = await setUp();
  verdicts.set('alice@example.com', 'known');
  void subscriptions.probe('alice', 'eve@evil.example', 'eve@evil.example/x');
  await settled();
  expect(touched).toEqual([]);
  void subscriptions.subscribe('alice', 'bob@example.net');
  await settled();
  expect(touched.splice(0)).toEqual(['alice@example.com']);
  void subscriptions.probe('alice', 'bob@example.net', 'bob@example.net/phone');
  await settled();
  expect(touched.splice(0)).toEqual(['alice@example.com']);
  subscriptions.answered('alice@example.com', 'known');
  void subscriptions.unsubscribe('alice', 'bob@example.net');
  await settled();
  expect(touched).toEqual([]);
});

describe('a watcher who leaves', () => {
  test('takes the row along, and the last one the mailbox', async () => {
    const { subscriptions, verdicts, watched, rows, settled } = await setUp();
    verdicts.set('alice@example.com', 'known');
    void subscriptions.subscribe('alice', 'bob@example.net');
    void subscriptions.subscribe('boss', 'bob@example.net');
    await settled();
    void subscriptions.unsubscribe('alice', 'bob@example.net');
    expect(await settled()).toEqual(['unavailable alice→bob@example.net', 'alice has no watcher']);
    expect(watched.size).toBe(1);
    void subscriptions.unsubscribe('boss', 'bob@example.net');
    await settled();
    expect([watched.size, await rows()]).toEqual([0, []]);
  });
});

describe('a probe', () => {
  test('is answered to the client that sent it', async () => {
    const { subscriptions, verdicts, settled } = await setUp();
    verdicts.set('alice@example.com', 'known');
    void subscriptions.subscribe('alice', 'bob@example.net');
    await settled();
    void subscriptions.probe('alice', 'bob@example.net', 'bob@example.net/phone');
    expect(await settled()).toEqual(['presence alice→bob@example.net/phone']);
  });

  test('restores a subscription that a database from a backup has forgotten, and all clients are told', async () => {
    const { subscriptions, verdicts, rows, settled } = await setUp();
    verdicts.set('alice@example.com', 'known');
    void subscriptions.probe('alice', 'bob@example.net', 'bob@example.net/phone');
    expect(await settled()).toEqual(['presence alice→bob@example.net']);
    expect(await rows()).toEqual(['alice bob@example.net subscribed']);
  });

  test('destroys no roster entry while Exchange or the store are silent', async () => {
    const { subscriptions, verdicts, store, settled, rows } = await setUp();
    void subscriptions.probe('alice', 'bob@example.net', 'bob@example.net/phone');
    // The row comes back; what the presence says while nothing is known is not decided here.
    expect(await settled()).toEqual(['presence alice→bob@example.net']);
    subscriptions.answered('alice@example.com', 'not-found');
    expect(await settled()).toEqual([]);
    store.failure = new Error('disk full');
    verdicts.set('dave@example.com', 'known');
    void subscriptions.probe('dave', 'bob@example.net', 'bob@example.net/phone');
    expect(await settled()).toEqual(['unavailable dave→bob@example.net/phone']);
    expect(await rows()).toEqual(['alice bob@example.net subscribed']);
  });
});

test('what could not be made durable is not acknowledged, and succeeds when it is asked again', async () => {
  const { subscriptions, verdicts, store, logger, clock, settled } = await setUp();
  verdicts.set('alice@example.com', 'known');
  store.failure = new Error('disk full');
  void subscriptions.subscribe('alice', 'bob@example.net');
  expect(await settled()).toEqual([]);
  expect(logger.entries.filter(({ level }) => level === 'error')).toHaveLength(1);
  store.failure = undefined;
  void subscriptions.subscribe('alice', 'bob@example.net');
  expect(await settled()).toContain('subscribed alice→bob@example.net');
  expect(clock.pending).toBe(0);
});

// Nobody asks again on ejabberd.
test('a request that could not be made durable is tried again by itself, until the store is well', async () => {
  const { subscriptions, verdicts, store, clock, rows, settled } = await setUp();
  verdicts.set('alice@example.com', 'known');
  store.failure = new Error('disk full');
  void subscriptions.subscribe('alice', 'bob@example.net');
  await settled();
  await clock.pass(150_000);
  expect([await settled(), clock.pending]).toEqual([[], 1]);
  store.failure = undefined;
  await clock.pass(60_000);
  expect(await settled()).toEqual(['subscribed alice→bob@example.net', 'presence alice→bob@example.net']);
  expect([await rows(), clock.pending]).toEqual([['alice bob@example.net subscribed'], 0]);
});

test('who gives up before the store is well is not subscribed, and a stop waits for no store', async () => {
  const { subscriptions, verdicts, store, clock, rows, settled } = await setUp();
  verdicts.set('alice@example.com', 'known');
  verdicts.set('dave@example.com', 'known');
  store.failure = new Error('disk full');
  void subscriptions.subscribe('alice', 'bob@example.net');
  void subscriptions.subscribe('dave', 'bob@example.net');
  void subscriptions.unsubscribe('alice', 'bob@example.net');
  await settled();
  expect(clock.pending).toBe(1);
  store.failure = undefined;
  await subscriptions.stop();
  await clock.pass(120_000);
  expect([await settled(), await rows(), clock.pending]).toEqual([[], [], 0]);
});

test('what one watcher asks of one contact is answered in order, however slow the store is', async () => {
  const { subscriptions, verdicts, rows, settled } = await setUp();
  verdicts.set('alice@example.com', 'known');
  void subscriptions.subscribe('alice', 'bob@example.net');
  void subscriptions.unsubscribe('alice', 'bob@example.net');
  void subscriptions.subscribe('alice', 'bob@example.net');
  void subscriptions.unsubscribe('alice', 'bob@example.net');
  expect((await settled()).map((line) => line.split(' ')[0])).toEqual([
    ...['subscribed', 'presence', 'unavailable', 'alice'],
    ...['subscribed', 'presence', 'unavailable', 'alice'],
  ]);
  expect(await rows()).toEqual([]);
});

test('a restart knows every subscription, and watches the mailboxes of pending ones too', async () => {
  const first = await setUp();
  first.verdicts.set('alice@example.com', 'known');
  void first.subscriptions.subscribe('alice', 'bob@example.net');
  void first.subscriptions.subscribe('dave', 'bob@example.net');
  await first.settled();
  const second = await setUp({ store: first.store });
  expect([...second.watched].sort()).toEqual(['alice@example.com', 'dave@example.com']);
  expect([...second.subscriptions.watchersOf('alice')]).toEqual(['bob@example.net']);
  second.subscriptions.answered('dave@example.com', 'known');
  expect(await second.settled()).toEqual(['subscribed dave→bob@example.net', 'presence dave→bob@example.net']);
});

test('a mailbox that is gone for good takes its subscriptions along', async () => {
  const { subscriptions, verdicts, rows, settled } = await setUp();
  verdicts.set('alice@example.com', 'known');
  void subscriptions.subscribe('alice', 'bob@example.net');
  await settled();
  subscriptions.answered('alice@example.com', 'not-found');
  expect(await settled()).toEqual([]);
  subscriptions.gone('alice@example.com');
  expect((await settled()).slice(0, 2)).toEqual([
    'unavailable alice→bob@example.net',
    'unsubscribed alice→bob@example.net',
  ]);
  expect(await rows()).toEqual([]);
});

test('an end counts also when the store fails: nothing more is told, and the row goes when the store is well again', async () => {
  const { subscriptions, verdicts, store, clock, rows, settled } = await setUp();
  verdicts.set('alice@example.com', 'known');
  void subscriptions.subscribe('alice', 'bob@example.net');
  await settled();
  store.failure = new Error('disk full');
  void subscriptions.unsubscribe('alice', 'bob@example.net');
  expect(await settled()).toEqual(['unavailable alice→bob@example.net', 'alice has no watcher']);
  expect([...subscriptions.watchersOf('alice')]).toEqual([]);
  await clock.pass(90_000);
  expect(await rows()).toHaveLength(1);
  store.failure = undefined;
  await clock.pass(90_000);
  expect(await rows()).toEqual([]);
  await subscriptions.stop();
  expect(clock.pending).toBe(0);
});

test('who asks again before the row could be deleted keeps it', async () => {
  const { subscriptions, verdicts, store, clock, rows, settled } = await setUp();
  verdicts.set('alice@example.com', 'known');
  void subscriptions.subscribe('alice', 'bob@example.net');
  await settled();
  store.failure = new Error('disk full');
  void subscriptions.unsubscribe('alice', 'bob@example.net');
  await settled();
  store.failure = undefined;
  void subscriptions.subscribe('alice', 'bob@example.net');
  await settled();
  await clock.pass(90_000);
  expect(await rows()).toEqual(['alice bob@example.net subscribed']);
});

describe('a watcher whom a new configuration forbids', () => {
  test('is told nothing more, and loses the subscription when he asks next', async () => {
    const first = await setUp();
    first.verdicts.set('alice@example.com', 'known');
    void first.subscriptions.subscribe('alice', 'bob@example.net');
    void first.subscriptions.subscribe('alice', 'carol@example.net');
    await first.settled();
    const second = await setUp({ store: first.store, rules: [{ effect: 'deny', watcher: 'bob@example.net' }] });
    expect(await second.settled()).toEqual([]);
    // On each connection: what was said on one that broke may never have arrived.
    for (let connection = 0; connection < 2; connection++) {
      second.subscriptions.withdrawForbidden();
      expect(await second.settled()).toEqual(['unavailable alice→bob@example.net']);
    }
    expect([...second.subscriptions.watchersOf('alice')]).toEqual(['carol@example.net']);
    // A mistake in the configuration, mended at once, has cost nothing.
    expect(await second.rows()).toHaveLength(2);
    void second.subscriptions.probe('alice', 'bob@example.net', 'bob@example.net/phone');
    expect(await second.settled()).toEqual(
      expect.arrayContaining(['unavailable alice→bob@example.net', 'unsubscribed alice→bob@example.net']),
    );
    expect(await second.rows()).toEqual(['alice carol@example.net subscribed']);
  });

  test('and who still waits is refused when Exchange answers', async () => {
    const first = await setUp();
    void first.subscriptions.subscribe('alice', 'bob@example.net');
    await first.settled();
    const second = await setUp({ store: first.store, rules: [{ effect: 'deny', watcher: 'bob@example.net' }] });
    second.subscriptions.answered('alice@example.com', 'known');
    expect(await second.settled()).toEqual(['unsubscribed alice→bob@example.net']);
    expect(second.logger.entries.find(({ message }) => message === 'Subscription refused')?.fields).toMatchObject({
      reason: 'policy',
    });
  });
});

test('a row that could not be deleted is tried once more at a stop: it would come back to life at the next start', async () => {
  const { subscriptions, verdicts, store, clock, rows, settled } = await setUp();
  verdicts.set('alice@example.com', 'known');
  void subscriptions.subscribe('alice', 'bob@example.net');
  await settled();
  store.failure = new Error('disk full');
  void subscriptions.unsubscribe('alice', 'bob@example.net');
  await settled();
  store.failure = undefined;
  await subscriptions.stop();
  expect(await rows()).toEqual([]);
  expect(clock.pending).toBe(0);
});

test('a stranger does not make Exchange be asked', async () => {
  const { subscriptions, hurried, settled } = await setUp();
  void subscriptions.subscribe('alice', 'bob@example.net');
  await settled();
  hurried.length = 0;
  void subscriptions.probe('alice', 'eve@evil.example', 'eve@evil.example/x');
  await settled();
  expect(hurried).toEqual([]);
});
