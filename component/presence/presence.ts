import type { Instant } from '../runtime/clock.ts';

/** RFC 6121 §4.7.2.1; absent: plain available. */
export const shows = ['away', 'chat', 'dnd', 'xa'] as const;
export type Show = (typeof shows)[number];

/** Human-readable texts by language tag (RFC 5646). */
export type StatusTexts = Readonly<Record<string, string>>;

/** What a contact shows. Equal looks are the same object where one policy made them. */
export type Look =
  | { readonly available: true; readonly show?: Show | undefined; readonly status: StatusTexts }
  | { readonly available: false };

/** An instant by a wall clock: milliseconds since 1970-01-01T00:00 as it shows them, and so many days after today. */
export type WallTime = { readonly at: number; readonly daysAhead: number };

/** What a contact shows, since when, and from when the knowledge is. */
export type Presence = {
  readonly look: Look;
  /** Since when it is so; undefined: not known, or not to be told. */
  readonly since: Instant | undefined;
  /** Until when somebody is busy, as far as is known; undefined: is not, or not known, or not to be told. */
  readonly until: Instant | undefined;
  /** `until` as the text says it; undefined: the text does not. */
  readonly untilText?: WallTime | undefined;
  /** When Exchange said so, where that is too long ago to go without saying (XEP-0203). */
  readonly asOf: Instant | undefined;
};

export const UNAVAILABLE: Look = { available: false };

/** The presence of a contact of which nothing is known. */
export const UNKNOWN: Presence = { look: UNAVAILABLE, since: undefined, until: undefined, asOf: undefined };

const keys = new WeakMap<Look, string>([[UNAVAILABLE, 'unavailable']]);

/**
 * A key that is equal for presence that says the same to a watcher, and stays so across restarts. `since` is not in it:
 * it is the past, and is forgotten when it is too long ago; nor `asOf`, which passes by itself.
 */
export function presenceKey({ look, until }: Presence): string {
  let key = keys.get(look);
  if (key === undefined) {
    key = look.available ? JSON.stringify([look.show ?? '', ...Object.entries(look.status).flat()]) : 'unavailable';
    keys.set(look, key);
  }
  return until === undefined ? key : `${key} ${until}`;
}
