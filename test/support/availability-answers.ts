// Answers to GetUserAvailability as Exchange writes them, for tests and benchmarks of what reads them.

import { HOUR, MINUTE } from '../../component/runtime/clock.ts';
import { writeAvailability } from './exchange-simulator/availability-answer.ts';
import { entryStatuses } from './exchange-simulator/calendar-entry.ts';
import { exchangeStyle } from './exchange-simulator/soap.ts';
import { utc } from './exchange-simulator/time-zone.ts';

export const answersNow = Date.UTC(2026, 2, 2, 9);
export const answersWindow = { start: answersNow - HOUR, end: answersNow + 48 * HOUR };

/** Mailboxes user0@example.com, user1@example.com, … */
export function addresses(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `user${index}@example.com`);
}

/** The answer for so many mailboxes of so many entries each, spread over two days, in Exchange's own style. */
export function exchangeAnswer(mailboxes: number, entries: number): string {
  const gap = (46 * HOUR) / entries;
  const results = Array.from({ length: mailboxes }, (_, mailbox) => ({
    entries: Array.from({ length: entries }, (_, index) => {
      const start = answersNow + index * gap + (mailbox % 7) * MINUTE;
      const end = start + Math.min(HOUR, gap / 2);
      const status = entryStatuses[(mailbox + index) % entryStatuses.length] ?? 'Busy';
      return { id: '', subject: '', start, end, status };
    }),
  }));
  return writeAvailability(exchangeStyle, utc, results);
}

/** The text's bytes as they come from a socket. */
export function inChunks(text: string, size: number): Buffer[] {
  const bytes = Buffer.from(text);
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}
