import { expect, test } from 'vitest';
import { AvailabilityCache } from '../../../component/calendar/availability-cache.ts';
import { buildTimeline } from '../../../component/calendar/timeline.ts';
import type { Look } from '../../../component/presence/presence.ts';
import { PresenceKeeper } from '../../../component/presence/presence-keeper.ts';
import { HOUR, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { plainRules } from '../../support/presence-rules.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const ALICE = 'alice@example.com';
const look: Look = { available: true, status: {} };

const RULES = plainRules({ Free: look, Tentative: look, WorkingElsewhere: look, Busy: look, OOF: look });

function setUp() {
  const clock = new FakeClock(Date.UTC(2026, 0, 5, 9));
  const logger = new RecordingLogger();
  const cache = new AvailabilityCache(clock);
  const keeper = new PresenceKeeper({
    ...{ clock, logger, cache },
    policy: {
      rulesOf: () => RULES,
      staleAfter: () => HOUR,
      agedAfter: MINUTE,
    },
    onLook: () => {},
    onJump: () => {},
  });
  /** Exchange has answered for Alice. */
  const answered = () => {
    const now = clock.now();
    const window = { start: now - HOUR, end: now + 48 * HOUR };
    cache.set(ALICE, { timeline: buildTimeline([], window, now), goneSince: undefined });
    keeper.look(ALICE);
  };
  cache.pin(ALICE);
  answered();
  keeper.start();
  const messages = () => logger.entries.map(({ message }) => message);
  return { clock, keeper, answered, messages };
}

test('an answer that comes during a stop leaves no timer behind: it would keep the process alive', () => {
  const { clock, keeper, answered } = setUp();
  clock.advance(2 * HOUR);
  keeper.stop();
  answered();
  expect(clock.pending).toBe(0);
});

test('the log gives no all-clear where it gave no alarm', () => {
  const { clock, answered, messages } = setUp();
  clock.jump(2 * HOUR);
  clock.advance(2 * SECOND);
  answered();
  clock.advance(10 * SECOND);
  expect(messages()).toEqual([]);
});

test('the log gives the all-clear, too, when nobody watches any more what was too old', () => {
  const { clock, keeper, messages } = setUp();
  clock.advance(2 * HOUR);
  keeper.forget(ALICE);
  clock.advance(10 * SECOND);
  expect(messages()).toEqual(['Calendars are too old: their contacts show nothing', 'No calendar is too old any more']);
});

test('thousands of calendars are looked at in turns, each once, and those that come meanwhile too', () => {
  const clock = new FakeClock(0);
  const cache = new AvailabilityCache(clock);
  const seen: string[] = [];
  const keeper = new PresenceKeeper({
    ...{ clock, cache, logger: new RecordingLogger() },
    policy: { rulesOf: () => RULES, staleAfter: () => HOUR, agedAfter: MINUTE },
    onLook: (mailbox) => seen.push(mailbox),
    onJump: () => {},
  });
  for (let index = 0; index < 1_000; index++) cache.pin(`mailbox${index}@example.com`);
  keeper.look('mailbox7@example.com');
  keeper.start();
  expect(seen.length).toBeLessThan(1_000);
  cache.pin('late@example.com');
  clock.advance(SECOND);
  expect(seen.length).toBe(1_001);
  expect(new Set(seen).size).toBe(1_001);
  keeper.lookAtAll();
  keeper.stop();
  expect(clock.pending).toBe(0);
});
