// Calendars as a YAML text:
//
//   alice@example.test:
//     - { at: "10:00", until: "10:30", status: Busy, subject: Stand-up }
//     - { at: 2026-01-09T08:00:00Z, until: 2026-01-10T08:00:00Z, status: OOF }
//   director@example.test: { access: none, entries: [] }

import { parse } from 'yaml';
import { z } from 'zod';
import { type Booking, entryStatuses, type MailboxAccess } from './calendar-entry.ts';

type MailboxPlan = {
  readonly address: string;
  readonly access: MailboxAccess;
  readonly bookings: readonly Booking[];
};

const entrySchema = z.strictObject({
  at: z.string(),
  until: z.string(),
  status: z.enum(entryStatuses).default('Busy'),
  subject: z.string().default(''),
});
const mailboxSchema = z.strictObject({
  access: z.enum(['free-busy', 'none']).default('free-busy'),
  entries: z.array(entrySchema).default([]),
});
const fileSchema = z.record(
  z.string().includes('@'),
  z.preprocess((value) => (Array.isArray(value) ? { entries: value } : (value ?? {})), mailboxSchema),
);

const DAY = 24 * 60 * 60 * 1000;

/**
 * Reads such a text. Times of day belong to the day that begins at `today` (epoch ms); one that ends before it
 * starts ends on the next day.
 *
 * @throws Error that says what is wrong, and where
 */
export function readCalendarFile(yamlText: string, today: number): readonly MailboxPlan[] {
  const checked = fileSchema.safeParse(parse(yamlText) ?? {});
  if (!checked.success) throw new Error(`The calendar file is wrong:\n${z.prettifyError(checked.error)}`);
  return Object.entries(checked.data).map(([address, { access, entries }]) => ({
    address,
    access,
    bookings: entries.map(({ at, until, status, subject }) => {
      const start = instantOf(at, today);
      const end = instantOf(until, today);
      return { start, end: end < start && isTimeOfDay(until) ? end + DAY : end, status, subject };
    }),
  }));
}

function isTimeOfDay(text: string): boolean {
  return /^([01]?\d|2[0-4]):[0-5]\d(:[0-5]\d)?$/.test(text);
}

function instantOf(text: string, today: number): number {
  if (isTimeOfDay(text)) {
    const [hours = 0, minutes = 0, seconds = 0] = text.split(':').map(Number);
    return today + ((hours * 60 + minutes) * 60 + seconds) * 1000;
  }
  const instant = /T.*(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(instant)) {
    throw new Error(
      `"${text}" is neither a time of day ("10:00") nor an instant with its offset (2026-01-09T10:00:00Z)`,
    );
  }
  return instant;
}
