import { z } from 'zod';
import type { BusyStatus } from '../../component/calendar/busy-status.ts';
import { type Look, type Show, type StatusTexts, shows } from '../../component/presence/presence.ts';
import { isMapping, type Report, together } from './section.ts';
import { whole } from './values.ts';

const tagExpected = 'a language tag, as in en or pt-BR';
/** The shape of RFC 5646 §2.1: a language, then subtags. */
const languageTag = z
  .string({ error: tagExpected })
  .regex(/^(?:[A-Za-z]{2,8}|[xX])(?:-[A-Za-z0-9]{1,8})*$/, { error: tagExpected });

const textExpected = 'a text of 1 to 1000 characters';
const statusText = z.string({ error: textExpected }).min(1, { error: textExpected }).max(1000, { error: textExpected });

type ShownStatus = Exclude<BusyStatus, 'NoData'>;
type AvailableLook = Extract<Look, { available: true }>;
type WrittenLook = { readonly show: 'available' | Show; readonly status: StatusTexts };

const defaults: Readonly<Record<ShownStatus, WrittenLook>> = {
  Free: { show: 'available', status: {} },
  Tentative: { show: 'available', status: {} },
  WorkingElsewhere: { show: 'available', status: { en: 'Working elsewhere' } },
  Busy: { show: 'dnd', status: { en: 'In a meeting' } },
  OOF: { show: 'away', status: { en: 'Away' } },
};

function look(name: ShownStatus) {
  const { show, status } = defaults[name];
  return z
    .strictObject({
      show: z
        .enum(['available', ...shows])
        .default(show)
        .describe('available, or how clients colour it.'),
      status: z
        .record(languageTag, statusText)
        .default({ ...status })
        .describe('Texts by language; {}: none.'),
    })
    .prefault({});
}

export const presenceSchema = z
  .strictObject({
    language: languageTag
      .default('en')
      .describe('The language of the text for clients that ask for none of the others.'),
    priority: whole(-128, 127)
      .default(0)
      .describe(
        'The priority of contacts among resources (RFC 6121): below 0, none is taken for a place for messages.',
      ),
    statuses: z
      .strictObject({
        Free: look('Free').describe('What a contact shows while free.'),
        Tentative: look('Tentative').describe('What a contact shows during a tentative meeting.'),
        WorkingElsewhere: look('WorkingElsewhere').describe('What a contact shows while working elsewhere.'),
        Busy: look('Busy').describe('What a contact shows during a meeting.'),
        OOF: look('OOF').describe('What a contact shows while out of office.'),
      })
      .prefault({})
      .describe('What contacts show, by the status in the calendar.'),
  })
  .check(
    together(({ language, statuses }, report) => {
      if (!isMapping(statuses)) return;
      for (const [name, shown] of Object.entries(statuses)) {
        if (isMapping(shown) && isMapping(shown.status))
          checkLanguages(name as ShownStatus, shown.status, language, report);
      }
    }),
  )
  .transform(({ language, priority, statuses }) => ({
    ...{ language, priority },
    statuses: {
      Free: toLook(statuses.Free, language),
      Tentative: toLook(statuses.Tentative, language),
      WorkingElsewhere: toLook(statuses.WorkingElsewhere, language),
      Busy: toLook(statuses.Busy, language),
      OOF: toLook(statuses.OOF, language),
    } satisfies Readonly<Record<ShownStatus, Look>>,
  }));

/** The text of the preferred language comes first: it is the one for clients that ask for none of them. */
function toLook({ show, status }: WrittenLook, language: string): AvailableLook {
  const preferred = language.toLowerCase();
  const rank = (tag: string) => (tag.toLowerCase() === preferred ? 0 : 1);
  const texts = Object.entries(status).sort(([a], [b]) => rank(a) - rank(b));
  return { available: true, show: show === 'available' ? undefined : show, status: Object.fromEntries(texts) };
}

function checkLanguages(
  name: ShownStatus,
  texts: Readonly<Record<string, unknown>>,
  language: unknown,
  report: Report,
): void {
  const written = Object.keys(texts);
  const tags = written.map((tag) => tag.toLowerCase());
  written.forEach((tag, index) => {
    if (tags.indexOf(tag.toLowerCase()) < index) report(['statuses', name, 'status', tag], 'each language once');
  });
  if (tags.length === 0 || typeof language !== 'string' || tags.includes(language.toLowerCase())) return;
  // The default texts are English only; whoever changes the language need not override them all.
  if (JSON.stringify(texts) !== JSON.stringify(defaults[name].status)) {
    report(['statuses', name, 'status'], `also a text in ${language}, the language of presence`);
  }
}
