import type { WallTime } from './presence.ts';

/** What is said without a text of the administrator's, by language (RFC 5646 primary tag). */
type Words = {
  readonly available: string;
  readonly unknown: string;
  /** A status that ends today, and one that ends on another day. */
  readonly until: string;
  readonly untilDay: string;
};

const languages: Readonly<Record<string, Words>> = {
  en: {
    available: 'Available',
    unknown: 'Not known at present',
    until: '{status} until {time}',
    untilDay: '{status} until {day}, {time}',
  },
  de: {
    available: 'Verfügbar',
    unknown: 'Zurzeit nicht bekannt',
    until: '{status} bis {time}',
    untilDay: '{status} bis {day}, {time}',
  },
  es: {
    available: 'Disponible',
    unknown: 'Ahora no se sabe',
    until: '{status} hasta las {time}',
    untilDay: '{status} hasta el {day} a las {time}',
  },
  fr: {
    available: 'Disponible',
    unknown: 'Inconnu pour le moment',
    until: '{status} jusqu’à {time}',
    untilDay: '{status} jusqu’au {day} à {time}',
  },
  it: {
    available: 'Disponibile',
    unknown: 'Al momento non si sa',
    until: '{status} fino alle {time}',
    untilDay: '{status} fino a {day} alle {time}',
  },
  nl: {
    available: 'Beschikbaar',
    unknown: 'Op dit moment niet bekend',
    until: '{status} tot {time}',
    untilDay: '{status} tot {day} {time}',
  },
  pt: {
    available: 'Disponível',
    unknown: 'De momento não se sabe',
    until: '{status} até às {time}',
    untilDay: '{status} até {day} às {time}',
  },
};

/** What a stranger writes as a language must not find what every object has. */
const words = new Map(Object.entries(languages));

/** The words of a language; English where there are none. */
export function wordsOf(language: string): Pick<Words, 'available' | 'unknown'> {
  return words.get(primaryTag(language)) ?? (languages.en as Words);
}

/**
 * A status with the time at which it ends: by 24 hours, with the day where that is not today. In a language that has no
 * words here it is a sign, not English in the midst of an administrator's text.
 */
export function withUntil(status: string, language: string, { at, daysAhead }: WallTime): string {
  const tag = primaryTag(language);
  const known = words.get(tag);
  const [date, time] = new Date(at).toISOString().slice(0, 16).split('T') as [string, string];
  if (known === undefined) return `${status} (→ ${daysAhead === 0 ? time : `${date} ${time}`})`;
  const parts: Readonly<Record<string, string>> = {
    status,
    time,
    day: daysAhead === 0 ? '' : dayName(tag, at, daysAhead),
  };
  const sentence = daysAhead === 0 ? known.until : known.untilDay;
  return sentence.replace(/\{(\w+)\}/g, (_, part: string) => parts[part] ?? '');
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** The name of the day; from a week on, when that may be two days, with its date. */
function dayName(tag: string, at: number, daysAhead: number): string {
  const isNear = daysAhead < 7;
  const key = `${tag} ${isNear}`;
  let format = formats.get(key);
  if (format === undefined) {
    const date = isNear ? {} : ({ day: 'numeric', month: 'long' } as const);
    // What it is given is local time already.
    format = new Intl.DateTimeFormat(tag, { weekday: 'long', ...date, timeZone: 'UTC' });
    formats.set(key, format);
  }
  return format.format(at);
}

/** The text whose language fits best: the very tag, the same language, else that of `otherwise`, else any. */
export function textFor(
  texts: Readonly<Record<string, string>>,
  language: string,
  otherwise: string,
): { readonly language: string; readonly text: string } | undefined {
  const tags = Object.keys(texts);
  const fits = (wanted: string) =>
    tags.find((tag) => tag.toLowerCase() === wanted.toLowerCase()) ??
    tags.find((tag) => primaryTag(tag) === primaryTag(wanted));
  const tag = fits(language) ?? fits(otherwise) ?? tags[0];
  return tag === undefined ? undefined : { language: tag, text: texts[tag] as string };
}

function primaryTag(tag: string): string {
  return (tag.split('-', 1)[0] ?? '').toLowerCase();
}
