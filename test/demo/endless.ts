import { MINUTE } from '../../component/runtime/clock.ts';
import { UNAVAILABLE } from './expectation.ts';
import type { Performance } from './performance.ts';
import { clockTime } from './screen.ts';
import { type Deed, lively, people, SPEED } from './story.ts';

/** Real time for what Bob should still see. */
const LIMIT = 3_000 * SPEED;
/** How long before it begins a round's calendar is written: enough for the gateway to have read it. */
const AHEAD = 3 * MINUTE;

/**
 * Plays lively half-hours until the signal fires, then stops the gateway, and returns when Bob has seen it.
 *
 * @throws GatewayEnded when the gateway has ended by itself
 */
export async function playEndlessly(performance: Performance, signal: AbortSignal): Promise<void> {
  const { stage } = performance;
  try {
    let begin = performance.begin();
    for (const entry of lively(0, begin).entries) performance.book(entry);
    await performance.ask();
    for (let number = 0; ; number++) {
      const round = lively(number, begin);
      for (const { at, deed } of round.deeds) {
        await performance.at(at, signal);
        carryOut(performance, deed);
      }
      begin += round.length;
      await performance.at(begin - AHEAD, signal);
      for (const entry of lively(number + 1, begin).entries) performance.book(entry);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  await performance.stopGateway();
  const hasGone = () => people.every((person) => [undefined, UNAVAILABLE].includes(performance.lastHeard(person)));
  await performance.until(hasGone, stage.now() + LIMIT);
}

function carryOut(performance: Performance, deed: Deed): void {
  const { stage, screen } = performance;
  switch (deed.type) {
    case 'books': {
      const { person, start, end, subject } = deed.entry;
      performance.book(deed.entry);
      screen.note(
        stage.now(),
        `${person} books a meeting at short notice: ${clockTime(start)} to ${clockTime(end)}, ${subject}`,
      );
      return;
    }
    case 'cancels': {
      const entry = performance.find(deed.person, deed.subject);
      if (entry === undefined) return;
      screen.note(
        stage.now(),
        `${deed.person} cancels a meeting under way: ${deed.subject}`,
        'The gateway asks Exchange every minute.',
      );
      performance.cancel(entry);
      return;
    }
    case 'outage-begins':
      performance.outageBegins();
      return;
    case 'outage-ends':
      performance.outageEnds();
      return;
  }
}
