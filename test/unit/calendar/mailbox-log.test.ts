import { expect, test } from 'vitest';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { MailboxLog } from '../../../component/calendar/mailbox-log.ts';
import { MINUTE } from '../../../component/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

function setUp() {
  const clock = new FakeClock(Date.UTC(2026, 0, 5, 9));
  const logger = new RecordingLogger();
  const log = new MailboxLog(logger, clock);
  const error = new CalendarSourceError('unreachable', 'its store is down', { code: 'ErrorMailboxStoreUnavailable' });
  const fail = (mailbox: string) => log.answered({ mailbox, error }, true);
  const recover = (mailbox: string) => log.answered({ mailbox, periods: [] }, true);
  const lines = () => logger.entries.filter(({ level }) => level !== 'debug');
  return { clock, log, fail, recover, lines };
}

test('a mailbox in trouble is named when that begins and when it ends', () => {
  const { fail, recover, lines } = setUp();
  for (let i = 0; i < 3; i++) fail('alice');
  for (let i = 0; i < 3; i++) recover('alice');
  expect(lines()).toMatchObject([{ level: 'warn' }, { level: 'info' }]);
});

test('a mailbox that was found elsewhere is named with both servers, and thousands do not fill the log either', () => {
  const { log, lines } = setUp();
  log.moved('alice', 'hq', 'cloud');
  expect(lines()).toMatchObject([{ level: 'info', fields: { mailbox: 'alice', from: 'hq', to: 'cloud' } }]);
  for (let i = 0; i < 1_000; i++) log.moved(`user${i}`, 'hq', 'cloud');
  expect(lines()).toHaveLength(101);
});

test('mailboxes that fail by the thousand do not fill the log: one line says that it does not name them all', () => {
  const { clock, fail, recover, lines } = setUp();
  for (let i = 0; i < 20_000; i++) fail(`user${i}`);
  expect(lines()).toHaveLength(101);
  expect(lines().at(-1)?.message).toMatch(/does not name them all/);
  clock.advance(MINUTE);
  recover('user0');
  expect(lines().at(-1)).toMatchObject({ level: 'info' });
  clock.jump(-60 * MINUTE);
  recover('user1');
  expect(lines()).toHaveLength(103);
});
