import { z } from 'zod';

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;

const timeExpected = 'a time of day from 00:00 to 23:59, as in 09:00';
const timeOfDay = z
  .string({ error: timeExpected })
  .regex(/^(?:\d|[01]\d|2[0-3]):[0-5]\d$/, { error: timeExpected })
  .transform((text) => {
    const [hours, minutes] = text.split(':').map(Number) as [number, number];
    return hours * 60 + minutes;
  });

/** Days are numbers as in JavaScript, 0 is Sunday; times are minutes of the day. */
const period = z.strictObject({
  days: z
    .array(z.enum(days).transform((day) => days.indexOf(day)))
    .min(1, { error: 'at least one day' })
    .describe('The days: Mon, Tue, Wed, Thu, Fri, Sat, Sun.'),
  from: timeOfDay.describe('When work begins.'),
  to: timeOfDay.describe('When it ends; where that is not after from, on the next day.'),
});

/** When people work. */
export const workingHoursSchema = z.union(
  [z.enum(['off', 'mailbox']), z.array(period).min(1, { error: 'at least one entry, or off' })],
  { error: 'off, mailbox, or a list of entries with days, from and to' },
);
