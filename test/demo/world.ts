import type { Entry } from './story.ts';

/** What is the case in Exchange now: what stands in the calendars, and whether it answers at all. */
export type World = { readonly entries: Entry[]; isSilent: boolean };
