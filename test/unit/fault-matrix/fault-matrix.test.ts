import { expect, test } from 'vitest';
import { MINUTE } from '../../../component/runtime/clock.ts';
import { House } from './house.ts';

for (const streaming of [false, true])
test(`a calm day ${streaming}`, async () => {
  let t = performance.now();
  const lap = (what: string) => { console.log(what, Math.round(performance.now() - t)); t = performance.now(); };
  const house = await House.open({ streaming });
  lap('open');
  await house.pass(20 * MINUTE);
  lap('20 min');
  console.log(house.history('alice').join(' '), house.simulator.requests.length);
  house.changeCalendars();
  expect(await house.passUntil(() => house.view('bob') === 'In a meeting', 8 * MINUTE)).toBe(true);
  lap('change');
  house.simulator.faults.set({ kind: 'unavailable' });
  await house.pass(20 * MINUTE);
  console.log(house.history('alice').join(' '), house.simulator.requests.length, house.budgetPause, house.streamPause);
  lap('fault');
  expect(house.wrong).toEqual([]);
}, 60000);
