import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type MailboxRow, MailboxUnpacker, packMailbox } from '../../../adapters/storage/timeline-row.ts';
import { busyStatuses } from '../../../component/calendar/busy-status.ts';
import { buildTimeline } from '../../../component/calendar/timeline.ts';
import { DAY, HOUR } from '../../../component/runtime/clock.ts';

const now = 1_790_000_000_000;
const window = { start: now, end: now + 2 * DAY };

const unpack = (row: MailboxRow) => {
  const { mailbox, timeline, goneSince } = new MailboxUnpacker().unpack(row);
  return { mailbox, timeline, goneSince };
};

const periods = fc.array(
  fc
    .record({ from: fc.integer({ min: -DAY, max: 2 * DAY }), length: fc.integer({ min: 1, max: DAY }) })
    .chain(({ from, length }) =>
      fc.record({
        start: fc.constant(now + from),
        end: fc.constant(now + from + length),
        status: fc.constantFrom(...busyStatuses),
      }),
    ),
);

test('every timeline comes back as it was', () => {
  fc.assert(
    fc.property(periods, fc.option(fc.nat(), { nil: undefined }), (entries, goneSince) => {
      const record = { mailbox: 'alice@example.com', timeline: buildTimeline(entries, window, now), goneSince };
      expect(unpack(packMailbox(record))).toStrictEqual(record);
    }),
  );
});

test('a timeline is unpacked once', () => {
  const timeline = buildTimeline([{ start: now + HOUR, end: window.end, status: 'Busy' }], window, now);
  const record = new MailboxUnpacker().unpack(
    packMailbox({ mailbox: 'a@example.com', timeline, goneSince: undefined }),
  );
  expect(record.timeline).toStrictEqual(timeline);
  expect(record.timeline).toBe(record.timeline);
});

test('a timeline is kept so that a person can read it', () => {
  const timeline = buildTimeline([{ start: now + HOUR, end: window.end, status: 'Busy' }], window, now);
  expect(packMailbox({ mailbox: 'alice@example.com', timeline, goneSince: undefined })).toEqual([
    'alice@example.com',
    now,
    window.end,
    `[${now},"Free",${now + HOUR},"Busy"]`,
    null,
    null,
  ]);
});

for (const steps of ['', 'null', '{}', '[]', '[1]', '[1,"Busy",2]', '["Busy",1]', '[1,"Asleep"]', '[1,"Busy"']) {
  test(`steps that make no sense are no timeline, and cost nothing else: ${steps}`, () => {
    expect(unpack(['alice@example.com', now, window.end, steps, now, null])).toStrictEqual({
      mailbox: 'alice@example.com',
      timeline: undefined,
      goneSince: now,
    });
  });
}
