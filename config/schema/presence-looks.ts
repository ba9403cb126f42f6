import { z } from 'zod';
import type { ShownStatus } from '../../component/calendar/shown-calendar.ts';
import { type Show, type StatusTexts, shows } from '../../component/presence/presence.ts';
import { isMapping, type Report } from './section.ts';

const tagExpected = 'a language tag, as in en or pt-BR';
/** The shape of RFC 5646 §2.1: a language, then subtags. */
export const languageTag = z
  .string({ error: tagExpected })
  .regex(/^(?:[A-Za-z]{2,8}|[xX])(?:-[A-Za-z0-9]{1,8})*$/, { error: tagExpected });

const textExpected = 'a text of 1 to 1000 characters';
const statusText = z.string({ error: textExpected }).min(1, { error: textExpected }).max(1000, { error: textExpected });

const look = z.strictObject({
  show: z
    .enum(['available', ...shows])
    .optional()
    .describe('available, or how clients colour it.'),
  status: z.record(languageTag, statusText).optional().describe('Texts by language; {}: none.'),
});
const freeOrLook = z.union([z.literal('Free'), look], { error: 'Free, or a mapping with show and status' });

/** What contacts show, as far as it is written. */
export const statusesSchema = z.strictObject({
  Free: look.optional().describe('What a contact shows while free. Default: available, without a text.'),
  Tentative: freeOrLook
    .optional()
    .describe('What a contact shows during a tentative meeting. Free (the default): it counts as free time.'),
  WorkingElsewhere: look
    .optional()
    .describe('What a contact shows while working elsewhere. Default: available, { en: Working elsewhere }.'),
  Busy: look.optional().describe('What a contact shows during a meeting. Default: dnd, { en: In a meeting }.'),
  OOF: look.optional().describe('What a contact shows while out of office. Default: away, { en: Away }.'),
  OffHours: look
    .optional()
    .describe('What a contact shows while free outside workingHours. Default: xa, { en: Outside working hours }.'),
});

type WrittenLook = z.output<typeof look>;
type WholeLook = { readonly show: 'available' | Show; readonly status: StatusTexts };
type Name = Exclude<ShownStatus, 'NoData'>;

/** What contacts show, whole. */
export type WholeLooks = Readonly<Record<Exclude<Name, 'Tentative'>, WholeLook>> & {
  /** Free: tentative time counts as free. */
  readonly Tentative: WholeLook | 'Free';
};

const PLAIN: WholeLook = { show: 'available', status: {} };

export const DEFAULT_LOOKS: WholeLooks = {
  Free: PLAIN,
  Tentative: 'Free',
  WorkingElsewhere: { show: 'available', status: { en: 'Working elsewhere' } },
  Busy: { show: 'dnd', status: { en: 'In a meeting' } },
  OOF: { show: 'away', status: { en: 'Away' } },
  OffHours: { show: 'xa', status: { en: 'Outside working hours' } },
};

/** What holds otherwise, with each key that is written in its place. */
export function withLooks(otherwise: WholeLooks, written: z.output<typeof statusesSchema> = {}): WholeLooks {
  const { Tentative: tentative } = written;
  return {
    Free: withLook(otherwise.Free, written.Free),
    Tentative:
      tentative === undefined || tentative === 'Free'
        ? (tentative ?? otherwise.Tentative)
        : withLook(otherwise.Tentative === 'Free' ? PLAIN : otherwise.Tentative, tentative),
    WorkingElsewhere: withLook(otherwise.WorkingElsewhere, written.WorkingElsewhere),
    Busy: withLook(otherwise.Busy, written.Busy),
    OOF: withLook(otherwise.OOF, written.OOF),
    OffHours: withLook(otherwise.OffHours, written.OffHours),
  };
}

function withLook(otherwise: WholeLook, { show, status }: WrittenLook = {}): WholeLook {
  return { show: show ?? otherwise.show, status: status ?? otherwise.status };
}

/** Each language once, and the language of presence among them: its text is for clients that ask for none. */
export function checkLanguages(statuses: unknown, language: unknown, report: Report): void {
  for (const [name, shown] of Object.entries(isMapping(statuses) ? statuses : {})) {
    if (!isMapping(shown) || !isMapping(shown.status)) continue;
    const written = Object.keys(shown.status);
    const tags = written.map((tag) => tag.toLowerCase());
    written.forEach((tag, index) => {
      if (tags.indexOf(tag.toLowerCase()) < index) report(['statuses', name, 'status', tag], 'each language once');
    });
    if (tags.length === 0 || typeof language !== 'string' || tags.includes(language.toLowerCase())) continue;
    report(['statuses', name, 'status'], `also a text in ${language}, the language of presence`);
  }
}
