import { expect, test } from 'vitest';
import { modelExchange } from '../support/simulated-day/exchange-model.ts';
import { simulatedExchange } from '../support/simulated-day/exchange-simulated.ts';
import { liveDay } from '../support/simulated-day/live-day.ts';

test('for a day, watchers of 20,000 mailboxes see what the calendars say, through edits, outages and a clock that is set', async () => {
  const { failures, ...figures } = await liveDay(20_000, modelExchange, { moves: true });
  console.log(figures);
  expect(failures).toEqual([]);
  expect(figures.transitions).toBeGreaterThan(8 * figures.mailboxes);
});

test('so do those of 1,000 mailboxes that are asked for by EWS', async () => {
  const { failures, ...figures } = await liveDay(1_000, simulatedExchange, { moves: false });
  console.log(figures);
  expect(failures).toEqual([]);
  expect(figures.transitions).toBeGreaterThan(8 * figures.mailboxes);
});
