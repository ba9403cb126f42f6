import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { busyStatuses } from '../../component/calendar/busy-status.ts';
import { buildTimeline } from '../../component/calendar/timeline.ts';
import type { MailboxRecord } from '../../component/calendar/timeline-store.ts';
import { HOUR } from '../../component/runtime/clock.ts';
import { type AnyStore, mailboxesIn, type StoreFactory, storeFactories } from './every-store.ts';

for (const [name, factory] of Object.entries(storeFactories)) {
  describe(`timelines ${name}`, () => timelineStoreContract(factory));
}

function timelineStoreContract(factory: StoreFactory): void {
  let store: AnyStore;
  let remove: () => Promise<void>;
  beforeEach(async () => {
    ({ store, remove } = await factory());
  });
  afterEach(() => remove());

  const now = 1_790_000_000_000;
  const window = { start: now - HOUR, end: now + 48 * HOUR };
  const known = (mailbox: string): MailboxRecord => ({
    mailbox,
    timeline: buildTimeline(
      busyStatuses.map((status, i) => ({ start: now + i * HOUR, end: now + (i + 1) * HOUR, status })),
      window,
      now,
    ),
    goneSince: undefined,
  });
  const loaded = async () => {
    const records = await mailboxesIn(store);
    return records.sort((a, b) => (a.mailbox < b.mailbox ? -1 : 1));
  };

  test('a new store has no timelines', async () => {
    expect(await loaded()).toEqual([]);
  });

  test('a timeline with every busy status is loaded as it was saved', async () => {
    await store.saveTimelines([known('alice@example.com')]);
    expect(await loaded()).toStrictEqual([known('alice@example.com')]);
  });

  test('a free day, a mailbox never seen and a mailbox gone are told apart', async () => {
    const records: MailboxRecord[] = [
      { mailbox: 'free@example.com', timeline: buildTimeline([], window, now), goneSince: undefined },
      { mailbox: 'gone@example.com', timeline: undefined, goneSince: now },
      { mailbox: 'lost@example.com', timeline: buildTimeline([], window, now), goneSince: now + 1 },
      { mailbox: 'new@example.com', timeline: undefined, goneSince: undefined },
    ];
    await store.saveTimelines(records);
    expect(await loaded()).toStrictEqual(records);
  });

  test('saving a mailbox again replaces its record, also within one call', async () => {
    const gone: MailboxRecord = { mailbox: 'alice@example.com', timeline: undefined, goneSince: now };
    await store.saveTimelines([known('alice@example.com')]);
    await store.saveTimelines([gone]);
    expect(await loaded()).toStrictEqual([gone]);
    await store.saveTimelines([gone, known('alice@example.com')]);
    expect(await loaded()).toStrictEqual([known('alice@example.com')]);
  });

  test('deleted mailboxes are gone, the others stay', async () => {
    await store.saveTimelines(['a@x', 'b@x', 'c@x'].map(known));
    await store.deleteTimelines(['a@x', 'c@x', 'never-there@x']);
    expect(await loaded()).toStrictEqual([known('b@x')]);
  });

  test('saves and deletes that do not wait for each other are applied in the order of the calls', async () => {
    await Promise.all([
      store.saveTimelines([known('a@x'), known('b@x')]),
      store.deleteTimelines(['a@x', 'b@x']),
      store.saveTimelines([known('b@x')]),
    ]);
    expect(await loaded()).toStrictEqual([known('b@x')]);
  });

  test('nothing to save, nothing to delete: done', async () => {
    await store.saveTimelines([]);
    await store.deleteTimelines([]);
    expect(await loaded()).toEqual([]);
  });

  test('one call with thousands of timelines resolves when the last of them is kept', async () => {
    const records = Array.from({ length: 2_500 }, (_, i) => known(`mailbox-${String(i).padStart(5, '0')}@example.com`));
    await store.saveTimelines(records);
    expect(await loaded()).toStrictEqual(records);
  });
}
