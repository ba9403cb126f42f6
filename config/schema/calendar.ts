import { z } from 'zod';
import { DAY, HOUR, MINUTE, SECOND } from '../../component/runtime/clock.ts';
import { isMapping, together } from './section.ts';
import { duration, formatDuration } from './values.ts';

/** Exchange 2010 and older refuse more (later ones take 62 days). */
export const LONGEST_WINDOW = 42 * DAY;

export const calendarSchema = z
  .strictObject({
    refresh: duration(30 * SECOND, DAY)
      .prefault('5m')
      .describe(
        'How often Exchange is asked about a mailbox that somebody subscribed to or asked for within the hour.',
      ),
    refreshNear: duration(30 * SECOND, DAY)
      .optional()
      .describe('The same while a meeting begins or ends. At most refresh. Default: 2m, or refresh if that is less.'),
    refreshIdle: duration(30 * SECOND, DAY)
      .optional()
      .describe(
        'The same for all other watched mailboxes. At least refresh. Default: 30m, or half of staleAfter if that is less.',
      ),
    staleAfter: duration(MINUTE, LONGEST_WINDOW)
      .prefault('60m')
      .describe('Without an answer for so long a contact becomes unavailable. At least twice refreshIdle.'),
    coalesce: duration(0, MINUTE)
      .prefault('1s')
      .describe("How long a server's hints that a calendar has changed are gathered before it is asked for."),
    window: z
      .strictObject({
        past: duration(0, LONGEST_WINDOW).prefault('1h').describe('How far back.'),
        future: duration(MINUTE, LONGEST_WINDOW)
          .prefault('48h')
          .describe('How far ahead. At least staleAfter + refreshIdle.'),
      })
      .prefault({})
      .describe('The span that Exchange is asked about, from now on. Both together at most 42 days.'),
    goneAfter: duration(HOUR, 3650 * DAY)
      .prefault('7d')
      .describe('A mailbox that Exchange does not know for so long loses its subscriptions.'),
  })
  .check(
    together(({ refresh, refreshNear, refreshIdle, staleAfter, window }, report) => {
      if (isDuration(refresh) && isDuration(refreshNear) && refreshNear > refresh) {
        report(['refreshNear'], `at most refresh: ${formatDuration(refresh)}`);
      }
      if (isDuration(refresh) && isDuration(refreshIdle) && refreshIdle < refresh) {
        report(['refreshIdle'], `at least refresh: ${formatDuration(refresh)}`);
      }
      if (isMapping(window) && isDuration(window.past) && isDuration(window.future)) {
        if (window.past + window.future > LONGEST_WINDOW) {
          report(['window', 'future'], 'at most 42d together with window.past', formatDuration(window.future));
        }
      }
      if (!isDuration(refresh) || !isDuration(staleAfter)) return;
      const slowest = isDuration(refreshIdle) ? Math.max(refresh, refreshIdle) : idleDefault(refresh, staleAfter);
      if (staleAfter < 2 * slowest) {
        const name = slowest === refresh ? 'refresh' : 'refreshIdle';
        report(['staleAfter'], `at least twice ${name}: ${formatDuration(2 * slowest)}`, formatDuration(staleAfter));
      }
      if (isMapping(window) && isDuration(window.future) && window.future < staleAfter + slowest) {
        const least = `at least staleAfter + refreshIdle: ${formatDuration(staleAfter + slowest)}`;
        report(['window', 'future'], least, formatDuration(window.future));
      }
    }),
  )
  .transform(({ refreshNear, refreshIdle, ...rest }) => ({
    ...rest,
    refreshNear: refreshNear ?? Math.min(2 * MINUTE, rest.refresh),
    refreshIdle: refreshIdle ?? idleDefault(rest.refresh, rest.staleAfter),
  }));

/** Whoever wants answers to be young, or calendars to be read seldom, need not know of the third number. */
function idleDefault(refresh: number, staleAfter: number): number {
  return Math.max(refresh, Math.min(30 * MINUTE, Math.floor(staleAfter / 2)));
}

function isDuration(value: unknown): value is number {
  return typeof value === 'number';
}
