/** What is said without a text of the administrator's, by language (RFC 5646 primary tag). */
type Words = { readonly available: string; readonly unknown: string; readonly until: string };

const words: Readonly<Record<string, Words>> = {
  en: { available: 'Available', unknown: 'Not known at present', until: '{status} until {time}' },
  de: { available: 'Verfügbar', unknown: 'Zurzeit nicht bekannt', until: '{status} bis {time}' },
  es: { available: 'Disponible', unknown: 'Ahora no se sabe', until: '{status} hasta las {time}' },
  fr: { available: 'Disponible', unknown: 'Inconnu pour le moment', until: '{status} jusqu’à {time}' },
  it: { available: 'Disponibile', unknown: 'Al momento non si sa', until: '{status} fino alle {time}' },
  nl: { available: 'Beschikbaar', unknown: 'Op dit moment niet bekend', until: '{status} tot {time}' },
  pt: { available: 'Disponível', unknown: 'De momento não se sabe', until: '{status} até às {time}' },
};

/** The words of a language; English where there are none. */
export function wordsOf(language: string): Words {
  return words[primaryTag(language)] ?? (words.en as Words);
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
