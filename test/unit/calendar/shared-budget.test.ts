import { expect, test } from 'vitest';
import { CalendarSync } from '../../../component/calendar/calendar-sync.ts';
import { RequestBudget } from '../../../component/calendar/request-budget.ts';
import { HOUR, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { ScriptedSource } from '../../support/scripted-source.ts';

test('sources that share a budget have their turns alike, and together never more requests than one', async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 5, 9));
  const budget = new RequestBudget({ concurrency: 2, random: () => 0.5 });
  const sources = ['a', 'b', 'c'].map((name) => new ScriptedSource(clock, { name, budget }));
  let inFlight = 0;
  let most = 0;
  for (const source of sources) {
    const freeBusy = source.freeBusy.bind(source);
    source.freeBusy = async (mailboxes) => {
      most = Math.max(most, ++inFlight);
      source.hold = new Promise((resolve) => clock.after(SECOND, () => resolve()));
      return await freeBusy(mailboxes).finally(() => inFlight--);
    };
  }
  const sync = new CalendarSync({
    ...{ clock, logger: new RecordingLogger(), random: () => 0.5 },
    route: (mailbox) => sources.find(({ name }) => mailbox.startsWith(name)),
    ...{ refresh: 5 * MINUTE, refreshNear: 2 * MINUTE, refreshIdle: 30 * MINUTE, coalesce: SECOND },
    window: { past: HOUR, future: 48 * HOUR },
    ...{ timelineOf: () => undefined, onAnswer: () => {} },
  });
  for (const { name } of sources) for (let i = 0; i < 5_000; i++) sync.watch(`${name}${i}`);
  sync.start();
  await clock.pass(30 * SECOND);
  const counts = sources.map(({ requests }) => requests.length);
  expect(counts.reduce((sum, count) => sum + count)).toBeGreaterThan(50);
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(6);
  expect(most).toBe(2);
  await sync.stop();
});
