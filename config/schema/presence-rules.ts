import { z } from 'zod';
import { allDayStatuses } from '../../component/calendar/busy-status.ts';
import { MINUTE } from '../../component/runtime/clock.ts';
import { isZoneName } from '../../component/runtime/time-zone.ts';
import { checkLanguages, DEFAULT_LOOKS, statusesSchema, type WholeLooks, withLooks } from './presence-looks.ts';
import type { Report } from './section.ts';
import { duration, formatDuration } from './values.ts';
import { workingHoursSchema } from './working-hours.ts';

const countsAs = z.enum(['Free', ...allDayStatuses]).optional();
const zoneExpected = 'a time zone of the IANA database, as in Europe/Berlin';

/** What may be written for everybody, and again for some: so no key has its default here. */
export const ruleKeys = {
  statuses: statusesSchema.optional().describe('What contacts show, by the status in the calendar.'),
  allDay: z
    .strictObject({
      Tentative: countsAs.describe('What tentative ones count as. Default: Tentative.'),
      WorkingElsewhere: countsAs.describe('What those of working elsewhere count as. Default: WorkingElsewhere.'),
      Busy: countsAs.describe('What busy ones count as. Default: Busy.'),
      OOF: countsAs.describe('What those out of office count as. Default: OOF.'),
    })
    .optional()
    .describe('What all-day entries count as; Free: they are overlooked.'),
  shortest: duration(0, 15 * MINUTE)
    .optional()
    .describe(
      'What lasts shorter than this is not shown: what was before it goes on. At most calendar.window.past. Default: 0s.',
    ),
  workingHours: workingHoursSchema
    .optional()
    .describe('When people work: off (the default: always), mailbox (as Exchange says), or a list of days and times.'),
  times: z
    .enum(['none', 'element', 'text'])
    .optional()
    .describe('Whether watchers see until when: none (the default), element (programs do), text (people, too).'),
  timeZone: z
    .string({ error: zoneExpected })
    .refine(isZoneName, { error: zoneExpected })
    .optional()
    .describe('The time zone of a list of workingHours and of times in texts, as in Europe/Berlin.'),
};

/** What is written for some. */
export const writtenRules = z.strictObject(ruleKeys);
export type WrittenRules = z.output<typeof writtenRules>;

/** What holds, whole. */
export type WholeRules = {
  readonly statuses: WholeLooks;
  readonly allDay: NonNullable<WrittenRules['allDay']>;
  /** In milliseconds. */
  readonly shortest: number;
  readonly workingHours: NonNullable<WrittenRules['workingHours']>;
  readonly times: NonNullable<WrittenRules['times']>;
  /** There where something goes by it. */
  readonly timeZone: string | undefined;
};

export const DEFAULT_RULES: WholeRules = {
  statuses: DEFAULT_LOOKS,
  allDay: { Tentative: 'Tentative', WorkingElsewhere: 'WorkingElsewhere', Busy: 'Busy', OOF: 'OOF' },
  shortest: 0,
  workingHours: 'off',
  times: 'none',
  timeZone: undefined,
};

/** What holds otherwise, with each key that is written in its place. */
export function withRules(otherwise: WholeRules, written: WrittenRules): WholeRules {
  return {
    statuses: withLooks(otherwise.statuses, written.statuses),
    allDay: { ...otherwise.allDay, ...written.allDay },
    shortest: written.shortest ?? otherwise.shortest,
    workingHours: written.workingHours ?? otherwise.workingHours,
    times: written.times ?? otherwise.times,
    timeZone: written.timeZone ?? otherwise.timeZone,
  };
}

type General = { readonly language?: unknown; readonly timeZone?: unknown };

/** What the rules for everybody, or for some, mean together with those for everybody. */
export function checkRules(rules: Readonly<Record<string, unknown>>, general: General, report: Report): void {
  checkLanguages(rules.statuses, general.language, report);
  if (rules.timeZone !== undefined || general.timeZone !== undefined) return;
  const hasHours = Array.isArray(rules.workingHours) && rules.workingHours.length > 0;
  if (rules.times === 'text') report(['timeZone'], `${zoneExpected}: texts go by it`);
  else if (hasHours) report(['timeZone'], `${zoneExpected}: workingHours go by it`);
}

/** Of what lasts so short the beginning must be known. */
export function checkShortest({ shortest }: WrittenRules, past: number, report: Report): void {
  if (shortest === undefined || shortest <= past) return;
  report(['shortest'], `at most calendar.window.past: ${formatDuration(past)}`);
}
