import { expect, test } from 'vitest';
import { modelExchange } from '../support/simulated-day/exchange-model.ts';
import { liveDay } from '../support/simulated-day/live-day.ts';

test('1.5 % of the long test: for a day, watchers of 300 mailboxes see what the calendars say', async () => {
  const { failures, ...figures } = await liveDay(300, modelExchange, { moves: true });
  console.log(figures);
  expect(failures).toEqual([]);
  expect(figures.transitions).toBeGreaterThan(8 * figures.mailboxes);
}, 120_000);
