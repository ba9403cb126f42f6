import { describe, expect, test } from 'vitest';
import type { FaultSetting } from '../support/exchange-simulator/faults.ts';
import { from, openHouse } from '../support/house.ts';

// Some cells of the fault matrix (test/unit/fault-matrix) with the real process, the real clock and a real Prosody.

const DAY = 86_400_000;
/** Of the calendar's clock. */
const SPEED = 240;

describe.concurrent('while Exchange is in trouble the last known is shown, then nothing, and then the truth:', () => {
  test.each<FaultSetting>([
    { kind: 'unavailable', retryAfter: 60 },
    { kind: 'busy-fault', backOff: 60_000, position: 'last' },
    { kind: 'cut-body' },
    { kind: 'html' },
  ])('%j', async (fault) => {
    await using house = await openHouse({
      config: { calendar: { refresh: '5m', refreshIdle: '5m', staleAfter: '20m' } },
      speed: { calendar: SPEED },
    });
    const alice = house.contact('alice');
    const meeting = house.meetingNow('alice', 'Busy', DAY);
    const bob = await house.watcher('bob');
    await bob.subscribe(alice);
    await bob.next(from(alice, undefined, 'dnd'));

    house.exchange.faults.set(fault);
    house.exchange.calendars.cancel(meeting);
    // No other state comes before it.
    const next = await bob.next((one) => from(alice)(one) || from(alice, 'unavailable')(one), 15_000);
    expect(next.type).toBe('unavailable');

    house.exchange.faults.clear();
    // Two back-off periods of five minutes and a quarter for jitter, at the most.
    await bob.next(from(alice), (2 * 1.25 * 300_000) / SPEED + 3_000);
  });
});
