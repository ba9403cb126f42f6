import { z } from 'zod';
import { DAY, HOUR, MINUTE, SECOND } from '../../component/runtime/clock.ts';
import { isMapping, together } from './section.ts';
import { duration, formatDuration } from './values.ts';

/** Exchange 2010 and older refuse more (later ones take 62 days). */
const LONGEST_WINDOW = 42 * DAY;

export const calendarSchema = z
  .strictObject({
    refresh: duration(30 * SECOND, DAY)
      .prefault('5m')
      .describe('How often Exchange is asked about a watched mailbox.'),
    staleAfter: duration(MINUTE, LONGEST_WINDOW)
      .prefault('60m')
      .describe('Without an answer for so long a contact becomes unavailable. At least twice refresh.'),
    window: z
      .strictObject({
        past: duration(0, LONGEST_WINDOW).prefault('1h').describe('How far back.'),
        future: duration(MINUTE, LONGEST_WINDOW)
          .prefault('48h')
          .describe('How far ahead. At least staleAfter + refresh.'),
      })
      .prefault({})
      .describe('The span that Exchange is asked about, from now on. Both together at most 42 days.'),
    goneAfter: duration(HOUR, 3650 * DAY)
      .prefault('7d')
      .describe('A mailbox that Exchange does not know for so long loses its subscriptions.'),
  })
  .check(
    together(({ refresh, staleAfter, window }, report) => {
      if (isDuration(refresh) && isDuration(staleAfter) && staleAfter < 2 * refresh) {
        report(['staleAfter'], `at least twice refresh: ${formatDuration(2 * refresh)}`, formatDuration(staleAfter));
      }
      if (!isMapping(window) || !isDuration(window.future)) return;
      if (isDuration(refresh) && isDuration(staleAfter) && window.future < staleAfter + refresh) {
        const least = formatDuration(staleAfter + refresh);
        report(['window', 'future'], `at least staleAfter + refresh: ${least}`, formatDuration(window.future));
      }
      if (isDuration(window.past) && window.past + window.future > LONGEST_WINDOW) {
        report(['window', 'future'], 'at most 42d together with window.past', formatDuration(window.future));
      }
    }),
  );

function isDuration(value: unknown): value is number {
  return typeof value === 'number';
}
